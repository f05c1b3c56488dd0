"""TFRecords: labelled pictures as sharded files of `tf.train.Example`, written and read without TensorFlow."""
