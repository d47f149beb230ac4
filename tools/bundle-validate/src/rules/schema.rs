//! The shapes as a JSON schema, for editors and for comparisons with other validators.

use super::config::CONFIG;
use super::shape::{Field, Presence, Shape};
use serde_json::{Map, Number, Value, json};

/// A JSON schema (draft 7) of config.json. It says of types, presence and words what the rules say;
/// forms of strings and what depends on two values cannot be said in a schema and is not in it.
///
/// ```
/// let schema = bundle_validate::rules::schema();
/// assert_eq!(schema["required"][0], "ociVersion");
/// assert_eq!(schema["properties"]["mounts"]["items"]["properties"]["destination"]["type"], "string");
/// ```
#[must_use]
pub fn schema() -> Value {
    let mut schema = of(&CONFIG);
    schema["$schema"] = "http://json-schema.org/draft-07/schema#".into();
    schema
}

fn of(shape: &Shape) -> Value {
    match shape {
        Shape::Any => json!({}),
        Shape::Bool => json!({"type": "boolean"}),
        Shape::Integer(min, max) => {
            let bound = |bound: i128| Number::from_i128(bound).map_or(Value::Null, Value::Number);
            json!({"type": "integer", "minimum": bound(*min), "maximum": bound(*max)})
        }
        Shape::String => json!({"type": "string"}),
        Shape::Form(form) => json!({"type": "string", "description": form.name}),
        Shape::Word(words) => json!({"enum": words}),
        Shape::Array(entries) => json!({"type": "array", "items": of(entries)}),
        Shape::NonEmptyArray(entries) => json!({"type": "array", "items": of(entries), "minItems": 1}),
        Shape::Map(values) => json!({"type": "object", "additionalProperties": of(values)}),
        Shape::Object(fields) => object(fields),
    }
}

fn object(fields: &[Field]) -> Value {
    let member = |field: &Field| {
        let mut schema = of(field.shape);
        schema["title"] = field.rule.id.into();
        (field.name.to_owned(), schema)
    };
    let properties: Map<String, Value> = fields.iter().map(member).collect();
    let required = fields.iter().filter(|field| field.presence == Presence::Required);
    let required: Vec<&str> = required.map(|field| field.name).collect();
    json!({"type": "object", "properties": properties, "required": required})
}
