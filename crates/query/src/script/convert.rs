//! Values of SQL in JavaScript, and back.
//!
//! | SQL | JavaScript | and back |
//! |---|---|---|
//! | null, undefined | `null` | `null` and `undefined` are null |
//! | bool, string | themselves | |
//! | int | number, or BigInt if the function's `input_convert_int64_to_bigint` is true | a whole number up to 2⁵³ is an int, a BigInt too |
//! | float | number | any other number is a float |
//! | bytes | `Uint8Array` | bytes |
//! | date, datetime, time, timestamp | `Date`, which has milliseconds, in UTC | timestamp |
//! | intervals | number of months or microseconds | int |
//! | array | `Array` | array |
//! | object | object, or `Map` if the function's `input_convert_object_to_map` is true | object |
//! | geography | GeoJSON object | object |

use outcrop_document::{Object as Members, Timestamp, Value, json};
use rquickjs::{
    Array, Ctx, Exception, Function, IntoJs, Object, Persistent, String as JsString, Type,
    Value as JsValue,
};

/// Deepest nesting of a value that is taken back; deeper ones are most likely cyclic.
const DEPTH_MAX: usize = 100;

/// Most values inside of one that is taken back.
const VALUES_MAX: usize = 1_000_000;

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// Whole numbers up to this one are exact.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// Functions for what Rust has no short way to.
const GLUE: &str = "({
    date: (ms) => new Date(ms),
    time: (date) => date.getTime(),
    map: () => new Map(),
    put: (map, key, value) => { map.set(key, value); },
    entries: (map) => Array.from(map.entries()),
    define: (object, key, value) => { Object.defineProperty(object, key,
        { value, writable: true, enumerable: true, configurable: true }); },
    bytes: (list) => Uint8Array.from(list),
    list: (bytes) => Array.from(bytes),
    fits: (big) => BigInt.asIntN(64, big) === big,
    kind: (value) => value instanceof Date ? 1 : value instanceof Map ? 2
        : value instanceof Uint8Array ? 3 : 0,
})";

/// What a function wants its arguments to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wishes {
    ints: Ints,
    objects: Objects,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ints {
    Numbers,
    BigInts,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Objects {
    Plain,
    Maps,
}

/// The helpers of one machine.
pub(super) struct Glue(Persistent<Object<'static>>);

/// The helpers while the machine is at work.
pub(super) struct OpenGlue<'js> {
    ctx: Ctx<'js>,
    date: Function<'js>,
    time: Function<'js>,
    map: Function<'js>,
    put: Function<'js>,
    entries: Function<'js>,
    define: Function<'js>,
    bytes: Function<'js>,
    list: Function<'js>,
    fits: Function<'js>,
    kind: Function<'js>,
}

impl Glue {
    /// Makes them before a script can change what they are made of.
    pub(super) fn new(ctx: &Ctx<'_>) -> rquickjs::Result<Self> {
        let object: Object<'_> = ctx.eval(GLUE)?;
        Ok(Self(Persistent::save(ctx, object)))
    }

    pub(super) fn restore<'js>(&self, ctx: &Ctx<'js>) -> rquickjs::Result<OpenGlue<'js>> {
        let object = self.0.clone().restore(ctx)?;
        Ok(OpenGlue {
            ctx: ctx.clone(),
            date: object.get("date")?,
            time: object.get("time")?,
            map: object.get("map")?,
            put: object.get("put")?,
            entries: object.get("entries")?,
            define: object.get("define")?,
            bytes: object.get("bytes")?,
            list: object.get("list")?,
            fits: object.get("fits")?,
            kind: object.get("kind")?,
        })
    }
}

impl<'js> OpenGlue<'js> {
    /// What a function says about its arguments, in properties of its own.
    pub(super) fn wishes(&self, function: &JsValue<'js>) -> rquickjs::Result<Wishes> {
        let says = |name: &str| -> rquickjs::Result<bool> {
            match function.as_object() {
                Some(object) => Ok(object.get::<_, JsValue<'js>>(name)?.as_bool() == Some(true)),
                None => Ok(false),
            }
        };
        Ok(Wishes {
            ints: match says("input_convert_int64_to_bigint")? {
                true => Ints::BigInts,
                false => Ints::Numbers,
            },
            objects: match says("input_convert_object_to_map")? {
                true => Objects::Maps,
                false => Objects::Plain,
            },
        })
    }

    /// A value in JavaScript.
    pub(super) fn to_js(&self, value: &Value, wishes: Wishes) -> rquickjs::Result<JsValue<'js>> {
        let ctx = self.ctx.clone();
        Ok(match value {
            Value::Null => JsValue::new_null(ctx),
            Value::Bool(value) => JsValue::new_bool(ctx, *value),
            Value::Int(value) if wishes.ints == Ints::BigInts => JsValue::new_big_int(ctx, *value)?,
            Value::Int(value) | Value::MonthInterval(value) | Value::MicrosecondInterval(value) => {
                JsValue::new_number(ctx, as_float(*value))
            }
            Value::Float(value) => JsValue::new_number(ctx, *value),
            Value::String(text) => JsString::from_str(ctx, text)?.into_value(),
            Value::Bytes(bytes) => {
                let list = Array::new(ctx)?;
                for (index, byte) in bytes.iter().enumerate() {
                    list.set(index, *byte)?;
                }
                self.bytes.call((list,))?
            }
            Value::Date(date) => {
                let days = date
                    .midnight()
                    .map_or(0, |midnight| midnight.0 / 1_000 / DAY_MS);
                self.date_of(days * DAY_MS)?
            }
            Value::Datetime(datetime) => self.date_of(datetime.0.div_euclid(1_000))?,
            Value::Time(time) => {
                let (hour, minute, second, micros) = time.hms();
                let seconds = (i64::from(hour) * 60 + i64::from(minute)) * 60 + i64::from(second);
                self.date_of(seconds * 1_000 + i64::from(micros) / 1_000)?
            }
            Value::Timestamp(timestamp) => self.date_of(timestamp.0.div_euclid(1_000))?,
            Value::Array(elements) => {
                let array = Array::new(ctx)?;
                for (index, element) in elements.iter().enumerate() {
                    array.set(index, self.to_js(element, wishes)?)?;
                }
                array.into_value()
            }
            Value::Object(members) => self.object(members, wishes)?,
            Value::Geography(shape) => {
                let mut text = Vec::new();
                shape.write_geojson(&mut text);
                match json::parse(&text) {
                    Ok(object) => self.to_js(&object, wishes)?,
                    Err(error) => return Err(self.complaint(&error.to_string())),
                }
            }
        })
    }

    fn object(&self, members: &Members, wishes: Wishes) -> rquickjs::Result<JsValue<'js>> {
        if wishes.objects == Objects::Maps {
            let map: JsValue<'js> = self.map.call(())?;
            for (name, value) in members {
                let value = self.to_js(value, wishes)?;
                self.put
                    .call::<_, ()>((map.clone(), name.as_str(), value))?;
            }
            return Ok(map);
        }
        let object = Object::new(self.ctx.clone())?;
        for (name, value) in members {
            let value = self.to_js(value, wishes)?;
            // Set, this one would change what the object is.
            match name.as_str() {
                "__proto__" => self
                    .define
                    .call::<_, ()>((object.clone(), name.as_str(), value))?,
                name => object.set(name, value)?,
            }
        }
        Ok(object.into_value())
    }

    fn date_of(&self, ms: i64) -> rquickjs::Result<JsValue<'js>> {
        self.date.call((as_float(ms).into_js(&self.ctx)?,))
    }

    /// A value of SQL.
    pub(super) fn value(&self, value: &JsValue<'js>) -> rquickjs::Result<Value> {
        self.taken(value, 0, &mut 0)
    }

    fn taken(
        &self,
        value: &JsValue<'js>,
        depth: usize,
        count: &mut usize,
    ) -> rquickjs::Result<Value> {
        *count += 1;
        if depth > DEPTH_MAX || *count > VALUES_MAX {
            return Err(self.complaint("a function returned a value that is too large or cyclic"));
        }
        match value.type_of() {
            Type::Uninitialized | Type::Undefined | Type::Null => Ok(Value::Null),
            Type::Bool => Ok(Value::Bool(value.get()?)),
            Type::Int => Ok(Value::Int(i64::from(value.get::<i32>()?))),
            Type::Float => Ok(number(value.get()?)),
            Type::String => Ok(Value::String(value.get()?)),
            Type::BigInt => {
                if !self.fits.call::<_, bool>((value.clone(),))? {
                    return Err(self.complaint("a function returned a BigInt of more than 64 bits"));
                }
                match value.clone().into_big_int() {
                    Some(big) => Ok(Value::Int(big.to_i64()?)),
                    None => Err(self.complaint("a function returned a damaged BigInt")),
                }
            }
            Type::Array => {
                let mut elements = Vec::new();
                let array: Array<'js> = value.get()?;
                for element in array.iter::<JsValue<'js>>() {
                    elements.push(self.taken(&element?, depth + 1, count)?);
                }
                Ok(Value::Array(elements))
            }
            Type::Object | Type::Exception => self.taken_object(value, depth, count),
            other => Err(self.complaint(&format!(
                "a function returned a {}, which is no value of SQL",
                other.as_str()
            ))),
        }
    }

    fn taken_object(
        &self,
        value: &JsValue<'js>,
        depth: usize,
        count: &mut usize,
    ) -> rquickjs::Result<Value> {
        let mut members = Members::new();
        match self.kind.call::<_, i32>((value.clone(),))? {
            1 => {
                let ms: f64 = self.time.call((value.clone(),))?;
                let micros = match number(ms) {
                    Value::Int(ms) => ms.checked_mul(1_000),
                    _ => None,
                };
                return match micros.and_then(Timestamp::from_micros) {
                    Some(timestamp) => Ok(Value::Timestamp(timestamp)),
                    None => Err(self.complaint("a function returned an invalid Date")),
                };
            }
            2 => {
                let entries: Array<'js> = self.entries.call((value.clone(),))?;
                for entry in entries.iter::<Array<'js>>() {
                    let entry = entry?;
                    let key: JsValue<'js> = entry.get(0)?;
                    if !key.is_string() {
                        return Err(self.complaint("the keys of a Map have to be strings"));
                    }
                    let member = self.taken(&entry.get(1)?, depth + 1, count)?;
                    members.insert(key.get()?, member);
                }
            }
            3 => {
                let list: Array<'js> = self.list.call((value.clone(),))?;
                let bytes = list.iter::<u8>().collect::<rquickjs::Result<Vec<u8>>>()?;
                return Ok(Value::Bytes(bytes));
            }
            _ => {
                let object: Object<'js> = value.get()?;
                for name in object.keys::<String>() {
                    let name = name?;
                    let member: JsValue<'js> = object.get(name.as_str())?;
                    // As JSON does: what is undefined is not there.
                    if !member.is_undefined() {
                        let member = self.taken(&member, depth + 1, count)?;
                        members.insert(name, member);
                    }
                }
            }
        }
        Ok(Value::Object(members))
    }

    fn complaint(&self, message: &str) -> rquickjs::Error {
        Exception::throw_type(&self.ctx, message)
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "JavaScript's numbers are floats; a function may ask for BigInts"
)]
fn as_float(value: i64) -> f64 {
    value as f64
}

/// JavaScript has one type of numbers: a whole one is an int as long as it is exact.
fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() <= EXACT_MAX {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "it is whole and below 2^53"
        )]
        return Value::Int(value as i64);
    }
    Value::Float(value)
}
