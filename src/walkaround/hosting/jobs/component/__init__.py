"""What a component archive holds beside the package: files to be copied, not modules to be imported."""
