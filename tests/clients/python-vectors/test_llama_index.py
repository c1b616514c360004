"""LlamaIndex's vector store as published, with nodes that bring their vectors."""

import enum
import unittest

from llama_index.core.schema import NodeRelationship, RelatedNodeInfo, TextNode
from llama_index.core.vector_stores.types import ExactMatchFilter, MetadataFilters, VectorStoreQuery
from llama_index.vector_stores.rocksetdb import RocksetVectorStore
from rockset import RocksetClient
from support import KEY, ServerTest


def node(name, kind, embedding, document):
    return TextNode(
        id_=name,
        text=f"text of {name}",
        metadata={"type": kind, "place": {"x": embedding[0]}},
        embedding=embedding,
        relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=document)},
    )


NODES = [
    node("apple", "fruit", [1.0, 0.1], "a"),
    node("orange", "fruit", [0.7, 0.7], "b"),
    node("carrot", "vegetable", [0.1, 1.0], "b"),
]


class LlamaIndex(ServerTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # The client checks the host's name, but not that of an enum's member. The store takes no subclass of it.
        host = enum.Enum("Host", {"OUTCROP": cls.server.url}, type=str).OUTCROP
        cls.rs = RocksetClient(host=host, api_key=KEY)

    def store(self, name, **options):
        store = RocksetVectorStore.with_new_collection(collection=name, client=self.rs, dimensions=2, **options)
        self.assertEqual(store.add(NODES), ["apple", "orange", "carrot"])
        return store

    def test_the_nearest_nodes_come_with_their_similarities(self):
        result = self.store("near").query(VectorStoreQuery(query_embedding=[1.0, 0.0], similarity_top_k=2))
        self.assertEqual(result.ids, ["apple", "orange"])
        self.assertAlmostEqual(result.similarities[0], 0.995037, places=6)
        self.assertEqual(result.nodes[0].get_content(), "text of apple")
        self.assertEqual(result.nodes[0].metadata, {"type": "fruit", "place": {"x": 1.0}})
        self.assertEqual(result.nodes[1].ref_doc_id, "b")

    def test_the_distance_may_be_another(self):
        for function, order in (
            (RocksetVectorStore.DistanceFunc.EUCLIDEAN_DIST, ["carrot", "orange", "apple"]),
            (RocksetVectorStore.DistanceFunc.DOT_PRODUCT, ["carrot", "orange", "apple"]),
        ):
            store = self.store(f"by_{function.value.lower()}", distance_func=function)
            result = store.query(VectorStoreQuery(query_embedding=[0.0, 1.0], similarity_top_k=3))
            self.assertEqual(result.ids, order)

    def test_nodes_are_filtered_by_metadata_and_by_id(self):
        store = self.store("filtered")
        fruit = MetadataFilters(filters=[ExactMatchFilter(key="type", value="fruit")])
        query = VectorStoreQuery(query_embedding=[0.0, 1.0], similarity_top_k=9, filters=fruit)
        self.assertEqual(store.query(query).ids, ["orange", "apple"])
        query = VectorStoreQuery(
            query_embedding=[0.0, 1.0], similarity_top_k=9, filters=fruit, node_ids=["apple", "carrot"]
        )
        self.assertEqual(store.query(query).ids, ["apple"])

    def test_a_query_without_a_vector_has_no_similarities(self):
        """The store orders by the similarity all the same, which then is a field that no document has."""
        fruit = MetadataFilters(filters=[ExactMatchFilter(key="type", value="fruit")])
        result = self.store("plain").query(VectorStoreQuery(similarity_top_k=9, filters=fruit))
        self.assertEqual(sorted(result.ids), ["apple", "orange"])
        self.assertIsNone(result.similarities)

    def test_the_nodes_of_a_document_are_deleted(self):
        store = self.store("deletions")
        store.delete("b")
        result = store.query(VectorStoreQuery(query_embedding=[1.0, 0.0], similarity_top_k=9))
        self.assertEqual(result.ids, ["apple"])


if __name__ == "__main__":
    unittest.main()
