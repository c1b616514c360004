"""LangChain's vector store, loader and chat history as published, with embeddings that need no model."""

import enum
import unittest

from langchain_community.chat_message_histories import RocksetChatMessageHistory
from langchain_community.document_loaders import RocksetLoader
from langchain_community.vectorstores import Rockset
from langchain_core.embeddings import Embeddings
from rockset import RocksetClient
from rockset.models import FieldMappingQuery, QueryRequestSql
from support import KEY, ServerTest

PLACES = {
    "north": [0.0, 1.0],
    "north-east": [0.7, 0.7],
    "east": [1.0, 0.0],
    "far north-east": [5.0, 5.1],
    "south": [0.0, -1.0],
}


class Compass(Embeddings):
    """The place of a text on a map."""

    def embed_query(self, text):
        return PLACES[text]

    def embed_documents(self, texts):
        return [self.embed_query(text) for text in texts]


class LangChain(ServerTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # The client checks the host's name, but not that of an enum's member.
        host = enum.Enum("Host", {"OUTCROP": cls.server.url}, type=str).OUTCROP
        cls.rs = RocksetClient(host=host, api_key=KEY)

    def store(self, name):
        """A store over a collection whose transformation sees to the vectors, as LangChain's manual has it."""
        sql = "SELECT *, VECTOR_ENFORCE(place, 2, 'float') AS place FROM _input"
        self.rs.Collections.create_s3_collection(name=name, field_mapping_query=FieldMappingQuery(sql=sql))
        store = Rockset(self.rs, Compass(), name, "text", "place")
        texts = list(PLACES)
        metadatas = [{"length": len(text), "tags": [text[0]]} for text in texts]
        ids = store.add_texts(texts, metadatas, ids=texts, batch_size=2)
        self.assertEqual(ids, texts)
        return store

    def test_the_nearest_texts_are_found_by_every_distance(self):
        store = self.store("compass")
        found = store.similarity_search_with_relevance_scores("north-east", k=2)
        self.assertEqual({document.page_content for document, _ in found}, {"north-east", "far north-east"})
        for _, score in found:
            self.assertAlmostEqual(score, 1.0, places=3)
        self.assertEqual(found[0][0].metadata.keys(), {"length", "tags"})
        nearest = Rockset.DistanceFunction.EUCLIDEAN_DIST
        found = store.similarity_search("north", k=3, distance_func=nearest)
        self.assertEqual([document.page_content for document in found], ["north", "north-east", "east"])
        largest = Rockset.DistanceFunction.DOT_PRODUCT
        found = store.similarity_search_with_relevance_scores("east", k=2, distance_func=largest)
        self.assertEqual([document.page_content for document, _ in found], ["far north-east", "east"])
        self.assertEqual([score for _, score in found], [5.0, 1.0])

    def test_a_condition_limits_what_is_found(self):
        store = self.store("conditions")
        found = store.similarity_search("north", k=9, where_str="length <= 5 AND tags[1] <> 's'")
        self.assertEqual([document.page_content for document in found], ["north", "east"])
        self.assertEqual(found[0].metadata, {"length": 5, "tags": ["n"]})

    def test_results_may_be_spread(self):
        store = self.store("spread")
        found = store.max_marginal_relevance_search("north-east", k=3, fetch_k=5, lambda_mult=0.1)
        contents = [document.page_content for document in found]
        self.assertEqual(contents[0], "north-east")
        self.assertIn("south", contents)
        self.assertNotIn("place", found[0].metadata)

    def test_texts_are_deleted(self):
        store = self.store("deletions")
        store.delete(["north", "east"])
        found = store.similarity_search("north", k=9)
        self.assertEqual({document.page_content for document in found}, {"north-east", "far north-east", "south"})

    def test_a_vector_of_another_length_is_no_vector(self):
        store = self.store("enforced")
        self.rs.Documents.add_documents(
            collection="enforced", data=[{"_id": "flat", "text": "flat", "place": [1.0]}]
        )
        rows = self.rs.sql("SELECT place FROM enforced WHERE _id IN ('flat', 'east') ORDER BY _id").results
        self.assertEqual(rows, [{"place": [1.0, 0.0]}, {"place": None}])
        found = store.similarity_search("north", k=5, where_str="place IS NOT NULL")
        self.assertEqual(len(found), 5)

    def test_a_store_is_made_from_texts(self):
        self.rs.Collections.create_s3_collection(name="texts")
        store = Rockset.from_texts(
            ["north", "south"], Compass(), client=self.rs, collection_name="texts", text_key="t", embedding_key="e"
        )
        found = store.as_retriever(search_kwargs={"k": 1}).invoke("south")
        self.assertEqual([document.page_content for document in found], ["south"])

    def test_documents_are_loaded_by_a_query(self):
        self.rs.Collections.create_s3_collection(name="pages")
        self.rs.Documents.add_documents(
            collection="pages",
            data=[{"_id": "1", "title": "One", "body": "first", "n": 1}, {"_id": "2", "title": "Two", "body": "second", "n": 2}],
        )
        query = QueryRequestSql(query="SELECT title, body, n FROM pages ORDER BY n")
        documents = RocksetLoader(self.rs, query, ["title", "body"], metadata_keys=["n"]).load()
        self.assertEqual([document.page_content for document in documents], ["One\nfirst", "Two\nsecond"])
        self.assertEqual([document.metadata for document in documents], [{"n": 1}, {"n": 2}])

    def test_a_conversation_is_kept_and_cleared(self):
        for session, sync in (("quick", False), ("sure", True)):
            history = RocksetChatMessageHistory(session, self.rs, "talks", sync=sync)
            self.assertEqual(history.messages, [])
            history.add_user_message("hi!")
            history.add_ai_message("what's up?")
            again = RocksetChatMessageHistory(session, self.rs, "talks")
            kinds = [(message.type, message.content) for message in again.messages]
            self.assertEqual(kinds, [("human", "hi!"), ("ai", "what's up?")])
        history.clear()
        self.assertEqual(history.messages, [])
        self.assertEqual(len(RocksetChatMessageHistory("quick", self.rs, "talks").messages), 2)


if __name__ == "__main__":
    unittest.main()
