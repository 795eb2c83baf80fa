"""Keep the configuration that the results come from."""

from typing import TYPE_CHECKING

from job import logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    import yaml

    from mlplab.files import write_text

    write_text(snakemake.output[0], yaml.safe_dump(dict(snakemake.params.config), sort_keys=False))
