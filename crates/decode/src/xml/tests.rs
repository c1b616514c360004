use outcrop_document::json;
use serde_json::{Value as Json, json as params};

use super::*;

/// The documents, and behind them why there are no more.
#[track_caller]
fn check(file: impl AsRef<[u8]>, options: Json, expected: &[&str]) {
    let options: XmlOptions = serde_json::from_value(options).unwrap();
    let mut shown = Vec::new();
    let read = read(file.as_ref(), &options, &mut |record| {
        shown.push(json::to_string(&record.unwrap()));
        Ok(())
    });
    shown.extend(read.err().map(|error| error.to_string()));
    assert_eq!(shown, expected);
}

#[test]
fn an_element_is_a_document() {
    let one = r#"<doc attr="attr1"><one>val1</one><two>val2</two></doc>"#;
    let document = r#"{"attr":"attr1","one":"val1","two":"val2"}"#;
    check(one, params!({ "doc_tag": "doc" }), &[document]);
    let rows = format!("<?xml version='1.0'?>\n<rows>\n {one}\n <x/>{one}</rows>");
    check(&rows, params!({ "doc_tag": "doc" }), &[document, document]);
    check(&rows, params!({}), &[document, "{}", document]);
    check(&rows, params!({ "root_tag": "x" }), &[]);
    check(
        format!("<a><doc/><in><b>{one}<c/></b></in><in><b>{one}</b></in><doc/></a>"),
        params!({ "doc_tag": "doc", "root_tag": "in" }),
        &[document],
    );
    check(
        "<a><in><x>1</x><in><y/></in></in></a>",
        params!({ "root_tag": "in" }),
        &[r#"{"value":"1"}"#, r#"{"y":""}"#],
    );
}

#[test]
fn names_that_come_again_become_arrays() {
    check(
        r#"<d k="0"><k>1</k><k a="x">2</k><k><z/></k><only> 3 </only></d>"#,
        params!({ "doc_tag": "d" }),
        &[r#"{"k":["0","1",{"a":"x","value":"2"},{"z":""}],"only":" 3 "}"#],
    );
}

#[test]
fn attributes_and_text_have_the_names_that_are_asked_for() {
    check(
        r#"<d a="1">text <b c="2">x</b> more<e f="3"/></d>"#,
        params!({ "doc_tag": "d", "attribute_prefix": "_", "value_tag": "text" }),
        &[r#"{"_a":"1","b":{"_c":"2","text":"x"},"e":{"_f":"3"},"text":"text  more"}"#],
    );
}

#[test]
fn characters_may_be_written_in_several_ways() {
    check(
        "<d><a t='&quot;&#x41;'>&lt;&#66;&amp;<![CDATA[<&x;>]]></a><!-- & --><?p?></d>",
        params!({ "doc_tag": "d" }),
        &[r#"{"a":{"t":"\"A","value":"<B&<&x;>"}}"#],
    );
}

#[test]
fn entities_and_document_types_are_refused() {
    let bomb = r#"<!DOCTYPE d [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><d>&b;</d>"#;
    check(
        bomb,
        params!({}),
        &["before byte 53: document types are refused"],
    );
    check(
        "<d><e>&b;</e></d>",
        params!({}),
        &["before byte 9: there is no entity `&b;`"],
    );
    let external = "<!DOCTYPE d SYSTEM 'file:///etc/passwd'><d/>";
    check(
        external,
        params!({}),
        &["before byte 40: document types are refused"],
    );
}

#[test]
fn elements_are_nested_to_a_depth() {
    let nested = |depth: usize| "<a>".repeat(depth) + &"</a>".repeat(depth);
    let options: XmlOptions = serde_json::from_value(params!({ "doc_tag": "a" })).unwrap();
    let read = |depth: usize| read(nested(depth).as_bytes(), &options, &mut |_| Ok(()));
    assert!(read(json::NESTING_MAX).is_ok());
    let error = read(json::NESTING_MAX + 1).unwrap_err().to_string();
    assert!(error.contains("nested deeper than 128"), "{error}");
}

#[test]
fn what_is_damaged_says_where() {
    check(
        "<a><b></a>",
        params!({}),
        &["at byte 6: ill-formed document: expected `</b>`, but `</a>` was found"],
    );
    check(
        "<a><b/><c>",
        params!({}),
        &["{}", "it ends inside of `<c>`"],
    );
    check(
        "<a/>text",
        params!({}),
        &["before byte 8: there is text outside of all elements"],
    );
    check(
        "<a/>",
        params!({ "root_tag": "b" }),
        &["it has no element `<b>`"],
    );
}

#[test]
fn text_is_of_the_encoding_that_is_shown_given_or_declared() {
    let utf16 = |order: fn(u16) -> [u8; 2], mark: &str| {
        let text = format!("{mark}<d><a>ä😀</a></d>");
        text.encode_utf16().flat_map(order).collect::<Vec<u8>>()
    };
    let rows = params!({ "doc_tag": "d" });
    let expected = [r#"{"a":"ä😀"}"#];
    check("\u{feff}<d><a>ä😀</a></d>", rows.clone(), &expected);
    for mark in ["\u{feff}", ""] {
        check(utf16(u16::to_le_bytes, mark), rows.clone(), &expected);
        check(utf16(u16::to_be_bytes, mark), rows.clone(), &expected);
    }
    let latin = b"<d><a>\xe4</a></d>";
    let given = params!({ "doc_tag": "d", "encoding": "ISO-8859-1" });
    check(latin, given, &[r#"{"a":"ä"}"#]);
    check(latin, rows.clone(), &["at byte 6: it is not in UTF-8"]);
    let declared = |name: &str| {
        let declaration = format!("<?xml version=\"1.0\" encoding='{name}'?>");
        [declaration.as_bytes(), latin].concat()
    };
    check(declared("latin1"), rows.clone(), &[r#"{"a":"ä"}"#]);
    check(
        declared("EBCDIC"),
        rows,
        &["the encoding `EBCDIC` is not supported"],
    );
}
