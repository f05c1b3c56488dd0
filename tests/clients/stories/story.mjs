// The whole life of a project through an SDK for JavaScript: `node story.mjs CLIENT PROJECT BUCKET PICTURES [sdk_v2.mjs]`.
//
// CLIENT is the folder whose node_modules has the SDK, by default @aws-sdk/client-lookoutvision. BUCKET stands, with the pictures and train.manifest and test.manifest in
// it. The last line that it writes is JSON: what it saw.
import assert from "node:assert/strict";
import { createReadStream, readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const [, , home, project, bucket, pictures, particular = "sdk_v3.mjs"] = process.argv;
const { name: packageName, open } = await import(`./${particular}`);
const { send, pages, checkRefusal, ownForm } = open(createRequire(join(home, "package.json"))(packageName));
const seen = { sdk: packageName };

const of = { ProjectName: project };
const model = { ...of, ModelVersion: "1" };

async function until(status, describe) {
  for (let end = Date.now() + 900_000; Date.now() < end; ) {
    const described = await describe();
    if (described.Status === status) return described;
    assert.match(described.Status, /_IN_PROGRESS$|^TRAINING$|_HOSTING$|^CREATED$|^RUNNING$/, JSON.stringify(described));
    await new Promise((done) => setTimeout(done, 200));
  }
  throw new Error(`not ${status}: ${JSON.stringify(await describe())}`);
}

async function refused(code, status, call) {
  const problem = await call().then(
    () => assert.fail(`${code} was expected`),
    (error) => error,
  );
  checkRefusal(problem, code, status);
  assert.ok(problem.message.length > 10, problem.message);
}

async function listed(operation, key, parameters, pageSize) {
  return (await pages(operation, parameters, pageSize)).flatMap((page) => page[key]);
}

const dataset = async (kind) => (await send("DescribeDataset", { ...of, DatasetType: kind })).DatasetDescription;
const described = async () => (await send("DescribeModel", model)).ModelDescription;

async function makeProject() {
  const made = (await send("CreateProject", { ...of, ClientToken: `${project}-token` })).ProjectMetadata;
  assert.ok(made.ProjectArn.endsWith(`:project/${project}`), made.ProjectArn);
  assert.ok(made.CreationTimestamp instanceof Date);
  const again = (await send("CreateProject", { ...of, ClientToken: `${project}-token` })).ProjectMetadata;
  assert.deepEqual(again, made);
  await refused("ConflictException", 409, () => send("CreateProject", of));
  await refused("ValidationException", 400, () => send("CreateProject", { ProjectName: "no spaces please" }));
}

async function makeDatasets() {
  for (const kind of ["train", "test"]) {
    const source = { GroundTruthManifest: { S3Object: { Bucket: bucket, Key: `${kind}.manifest` } } };
    const made = (await send("CreateDataset", { ...of, DatasetType: kind, DatasetSource: source })).DatasetMetadata;
    assert.equal(made.Status, "CREATE_IN_PROGRESS");
    seen[kind] = (await until("CREATE_COMPLETE", () => dataset(kind))).ImageStats;
  }
  const train = { ...of, DatasetType: "train" };
  const entries = await listed("ListDatasetEntries", "DatasetEntries", train, 9);
  assert.equal(entries.length, seen.train.Total);
  const since = { ...train, AfterCreationDate: new Date(500), AnomalyClass: "normal", Labeled: true };
  assert.equal((await send("ListDatasetEntries", since)).DatasetEntries.length, seen.train.Normal);
  const changes = Buffer.from(`${entries[0]}\n`);
  assert.equal((await send("UpdateDatasetEntries", { ...train, Changes: changes })).Status, "UPDATE_IN_PROGRESS");
  await until("UPDATE_COMPLETE", () => dataset("train"));
}

async function train() {
  const output = { S3Location: { Bucket: bucket, Prefix: `js/${project}/` } };
  const tags = [{ Key: "team", Value: "fleet" }];
  const made = (await send("CreateModel", { ...of, OutputConfig: output, Tags: tags })).ModelMetadata;
  assert.equal(made.Status, "TRAINING");
  const trained = await until("TRAINED", described);
  assert.ok(trained.EvaluationEndTimestamp instanceof Date);
  seen.performance = trained.Performance;
  const arn = { ResourceArn: trained.ModelArn };
  assert.deepEqual((await send("ListTagsForResource", arn)).Tags, tags);
  await send("TagResource", { ...arn, Tags: [{ Key: "a b", Value: "1" }] });
  await send("UntagResource", { ...arn, TagKeys: ["team", "a b"] });
  assert.deepEqual((await send("ListTagsForResource", arn)).Tags, []);
}

async function detect() {
  const body = readFileSync(join(pictures, "normal", "car_029.jpg"));
  const look = async (Body) => (await send("DetectAnomalies", { ...model, ContentType: "image/jpeg", Body })).DetectAnomalyResult;
  await refused("ConflictException", 409, () => look(body));
  assert.equal((await send("StartModel", { ...model, MinInferenceUnits: 1 })).Status, "STARTING_HOSTING");
  await until("HOSTED", described);
  const file = join(pictures, "anomaly", "car_029.jpg");
  const forms = {
    buffer: () => readFileSync(file),
    file: () => createReadStream(file),
    own: () => ownForm(readFileSync(file)),
  };
  const results = [];
  for (const form of Object.values(forms)) results.push(await look(form()));
  seen.results = results.map((one) => one.Confidence);
  assert.deepEqual(results[1], results[0]);
  assert.deepEqual(results[2], results[0]);
  let right = 0;
  for (const label of ["normal", "anomaly"]) {
    for (const name of readdirSync(join(pictures, label)).sort().slice(-10)) {
      const result = await look(readFileSync(join(pictures, label, name)));
      right += result.IsAnomalous === (label === "anomaly");
    }
  }
  seen.accuracy = right / 20;
  await refused("ValidationException", 400, () => look(Buffer.from("this is no picture")));
  await refused("ValidationException", 400, () => look(ownForm(Buffer.from("nor is this either"))));
}

async function packageModel() {
  const greengrass = {
    S3OutputLocation: { Bucket: bucket, Prefix: `js-components/${project}/` },
    ComponentName: "cars",
    TargetPlatform: { Os: "LINUX", Arch: "X86_64" },
  };
  const started = { ...model, Configuration: { Greengrass: greengrass } };
  const JobName = (await send("StartModelPackagingJob", started)).JobName;
  const job = async () => (await send("DescribeModelPackagingJob", { ...of, JobName })).ModelPackagingDescription;
  const made = (await until("SUCCEEDED", job)).ModelPackagingOutputDetails.Greengrass;
  assert.equal(made.ComponentVersion, "1.0.0");
  assert.equal((await listed("ListModelPackagingJobs", "ModelPackagingJobs", of, 1)).length, 1);
}

async function listAndDelete() {
  const projects = await listed("ListProjects", "Projects", {}, 1);
  assert.ok(projects.some((one) => one.ProjectName === project));
  assert.equal((await listed("ListModels", "Models", of, 1))[0].Status, "HOSTED");
  assert.equal((await send("StopModel", model)).Status, "STOPPING_HOSTING");
  await until("TRAINED", described);
  await refused("ConflictException", 409, () => send("DeleteProject", of));
  await send("DeleteModel", model);
  while ((await send("ListModels", of)).Models.length) await new Promise((done) => setTimeout(done, 200));
  for (const kind of ["train", "test"]) await send("DeleteDataset", { ...of, DatasetType: kind });
  await send("DeleteProject", of);
  await refused("ResourceNotFoundException", 404, () => send("DescribeProject", of));
}

for (const step of [makeProject, makeDatasets, train, detect, packageModel, listAndDelete]) await step();
console.log(JSON.stringify(seen));
