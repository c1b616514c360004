"""tantivy, in process: an inverted index that finds documents by their fields, for lookups only."""

import json
from collections.abc import Sequence
from pathlib import Path

import tantivy

from bench.peers import THREADS, InProcess, Statement


class Tantivy(InProcess):
    """An index of some text fields; the documents are stored whole."""

    def __init__(self, folder: Path, fields: Sequence[str], shown: Sequence[str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        builder = tantivy.SchemaBuilder()
        for field in fields:
            builder.add_text_field(field, stored=False, tokenizer_name="raw", index_option="basic")
        builder.add_bytes_field("document", stored=True)
        self.schema = builder.build()
        self.fields = fields
        self.shown = shown
        self.index = tantivy.Index(self.schema, path=str(folder))
        self.searcher = self.index.searcher()

    def load(self, file: Path) -> None:
        """Adds the documents of a file of JSON lines and commits once."""
        writer = self.index.writer(heap_size=512 * 1024 * 1024, num_threads=THREADS)
        with open(file, "rb") as lines:
            for line in lines:
                parsed = json.loads(line)
                document = tantivy.Document()
                for field in self.fields:
                    document.add_text(field, json.dumps(parsed[field]))
                document.add_bytes("document", line)
                writer.add_document(document)
        writer.commit()
        writer.wait_merging_threads()
        self.index.reload()
        self.searcher = self.index.searcher()

    def ask(self, statement: Statement) -> object:
        """The documents whose fields have exactly the values of the parameters."""
        terms = [
            (tantivy.Occur.Must, tantivy.Query.term_query(self.schema, field, json.dumps(value), "basic"))
            for field, value in statement.parameters.items()
        ]
        hits = self.searcher.search(tantivy.Query.boolean_query(terms), limit=1_000).hits
        return [self.searcher.doc(address)["document"][0] for _, address in hits]

    def rows(self, answer: object) -> Sequence[Sequence[object]]:
        """The fields that the other engines select."""
        assert isinstance(answer, list)
        documents = [json.loads(bytes(document)) for document in answer]
        return [[document[field] for field in self.shown] for document in documents]

    def close(self) -> None:
        """Nothing is open for writing."""
