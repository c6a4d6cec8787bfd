"""The filters of the pipeline, one small file each."""
