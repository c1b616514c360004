//! The description as one HTML page: nothing is loaded with it, and no script runs.

use serde_json::Value;

const STYLE: &str = include_str!("page.css");

/// The methods in the order in which they are shown.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// The page of a document.
pub(super) fn render(document: &Value) -> String {
    let info = &document["info"];
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title} API</title><style>{STYLE}</style></head><body>\n\
         <header><h1>{title} <small>{version}</small></h1><p>{about}</p>\
         <p>For programs: <a href=\"openapi.json\">openapi.json</a></p></header>\n",
        title = prose(&info["title"]),
        version = prose(&info["version"]),
        about = prose(&info["description"]),
    );
    let tags = items(&document["tags"]);
    html.push_str("<nav>");
    for tag in tags {
        html.push_str(&format!(
            "<a href=\"#{}\">{}</a> ",
            anchor(&tag["name"]),
            prose(&tag["name"])
        ));
    }
    html.push_str("<a href=\"#keys\">Keys</a> <a href=\"#types\">Types</a></nav>\n<main>\n");
    for tag in tags {
        html.push_str(&group(document, tag));
    }
    html.push_str(&keys(document));
    html.push_str(&types(document));
    html.push_str("</main></body></html>\n");
    html
}

/// The operations of a group.
fn group(document: &Value, tag: &Value) -> String {
    let mut html = format!(
        "<section id=\"{}\"><h2>{}</h2><p>{}</p>\n",
        anchor(&tag["name"]),
        prose(&tag["name"]),
        prose(&tag["description"])
    );
    for (path, operations) in members(&document["paths"]) {
        for method in METHODS {
            let operation = &operations[method];
            if operation["tags"][0] == tag["name"] {
                html.push_str(&self::operation(path, method, operation));
            }
        }
    }
    html + "</section>\n"
}

fn operation(path: &str, method: &str, operation: &Value) -> String {
    let mut html = format!(
        "<details><summary><b class=\"{method}\">{method}</b> <code>{}</code> {}</summary>\
         <div id=\"{}\"><p>{}</p>",
        escape(path),
        prose(&operation["summary"]),
        escape(text(&operation["operationId"])),
        prose(&operation["description"]),
    );
    let parameters = items(&operation["parameters"]);
    if !parameters.is_empty() {
        html.push_str("<h4>Parameters</h4><table>");
        for parameter in parameters {
            let name = text(&parameter["name"]);
            let place = format!("{}, {}", text(&parameter["in"]), kind(&parameter["schema"]));
            html.push_str(&row(name, &place, &parameter["description"]));
        }
        html.push_str("</table>");
    }
    for (media_type, content) in members(&operation["requestBody"]["content"]) {
        html.push_str(&format!(
            "<h4>Body <small>{}</small></h4>",
            escape(media_type)
        ));
        html.push_str(&shape(&content["schema"]));
    }
    for (status, response) in members(&operation["responses"]) {
        for (media_type, content) in members(&response["content"]) {
            html.push_str(&format!(
                "<h4>Answer {status} <small>{}</small></h4>",
                escape(media_type)
            ));
            html.push_str(&shape(&content["schema"]));
        }
    }
    html + "</div></details>\n"
}

/// How to show a key, and what an answer has if something went wrong.
fn keys(document: &Value) -> String {
    let components = &document["components"];
    let mut html = String::from("<section id=\"keys\"><h2>Keys</h2><table>");
    for (name, scheme) in members(&components["securitySchemes"]) {
        html.push_str(&row(name, "Authorization", &scheme["description"]));
    }
    let failure = &components["responses"]["Failure"]["content"]["application/json"]["schema"];
    html.push_str(&format!(
        "</table><p>Every failure has {}.</p></section>\n",
        kind(failure)
    ));
    html
}

/// All types that have names.
fn types(document: &Value) -> String {
    let mut html = String::from("<section id=\"types\"><h2>Types</h2>\n");
    for (name, schema) in members(&document["components"]["schemas"]) {
        html.push_str(&format!(
            "<div id=\"type-{name}\"><h3>{name}</h3><p>{}</p>{}</div>\n",
            prose(&schema["description"]),
            shape(schema),
            name = escape(name)
        ));
    }
    html + "</section>\n"
}

/// A table of members or words, or what it is instead.
fn shape(schema: &Value) -> String {
    let properties = members(&schema["properties"]);
    let words = items(&schema["oneOf"]);
    if !words.is_empty() {
        let rows = words
            .iter()
            .map(|word| row(text(&word["const"]), "", &word["description"]));
        return format!("<table>{}</table>", rows.collect::<String>());
    }
    if properties.is_empty() {
        return format!("<p>{}</p>", kind(schema));
    }
    let mut html = String::from("<table>");
    for (name, member) in properties {
        html.push_str(&row(name, &kind(member), &member["description"]));
    }
    html + "</table>"
}

/// What values a schema has, in a few words.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"]
        .as_str()
        .and_then(|path| path.rsplit('/').next())
    {
        let name = escape(name);
        return format!("<a href=\"#type-{name}\">{name}</a>");
    }
    for alternatives in ["anyOf", "oneOf"] {
        if !schema[alternatives].is_null() {
            return any(items(&schema[alternatives]).iter().map(kind));
        }
    }
    if !schema["const"].is_null() {
        return prose(&schema["const"]);
    }
    if !schema["enum"].is_null() {
        return any(items(&schema["enum"]).iter().map(|word| match word {
            Value::Null => "null".to_owned(),
            word => prose(word),
        }));
    }
    match &schema["type"] {
        Value::Array(types) => any(types.iter().map(|one| one_kind(text(one), schema))),
        Value::String(one) => one_kind(one, schema),
        _ => "any value".to_owned(),
    }
}

fn one_kind(name: &str, schema: &Value) -> String {
    match name {
        "array" => format!("list of {}", kind(&schema["items"])),
        "object" if !members(&schema["properties"]).is_empty() => shape(schema),
        other => escape(other),
    }
}

fn any(kinds: impl Iterator<Item = String>) -> String {
    kinds.collect::<Vec<_>>().join(" or ")
}

fn row(name: &str, kind: &str, description: &Value) -> String {
    format!(
        "<tr><td><code>{}</code></td><td>{kind}</td><td>{}</td></tr>",
        escape(name),
        prose(description)
    )
}

fn anchor(name: &Value) -> String {
    text(name).to_ascii_lowercase().replace(' ', "-")
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn members(value: &Value) -> Vec<(&str, &Value)> {
    let members = value.as_object().into_iter().flatten();
    members
        .map(|(name, value)| (name.as_str(), value))
        .collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Text in which what stands between backticks is code.
fn prose(value: &Value) -> String {
    let mut html = String::new();
    for (index, part) in text(value).split('`').enumerate() {
        let part = escape(part);
        match index % 2 {
            0 => html.push_str(&part),
            _ => html.push_str(&format!("<code>{part}</code>")),
        }
    }
    html
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn text_is_escaped_and_backticks_are_code() {
        let html = prose(&json!("a < b, `x & y`."));
        assert_eq!(html, "a &lt; b, <code>x &amp; y</code>.");
    }

    #[test]
    fn kinds_are_told_in_words() {
        for (schema, expected) in [
            (json!({ "type": ["string", "null"] }), "string or null"),
            (
                json!({ "type": "array", "items": { "$ref": "#/components/schemas/A" } }),
                "list of <a href=\"#type-A\">A</a>",
            ),
            (json!({ "enum": ["X", null] }), "X or null"),
            (json!(true), "any value"),
        ] {
            assert_eq!(kind(&schema), expected, "{schema}");
        }
    }
}
