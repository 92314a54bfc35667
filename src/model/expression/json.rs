//! JSON as CEL values, in one pass. Whole numbers are ints, as far as an int reaches; the rest are doubles.

use std::collections::HashMap;

use cel::common::{
    types::{CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString, CelUInt},
    value::Val,
};
use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};

type Boxed = Box<dyn Val>;

/// # Errors
/// What is wrong with the text, and where.
pub(super) fn parse(text: &[u8]) -> Result<Boxed, serde_json::Error> {
    // serde_json itself refuses what is nested over 128 deep.
    serde_json::from_slice::<Json>(text).map(|json| json.0)
}

struct Json(Boxed);

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ToVal).map(Json)
    }
}

struct ToVal;

impl<'de> Visitor<'de> for ToVal {
    type Value = Boxed;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Boxed, E> {
        Ok(Box::new(CelNull))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Boxed, E> {
        Ok(Box::new(CelBool::from(value)))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Boxed, E> {
        Ok(Box::new(CelInt::from(value)))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Boxed, E> {
        Ok(match i64::try_from(value) {
            Ok(value) => Box::new(CelInt::from(value)),
            Err(_) => Box::new(CelUInt::from(value)),
        })
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Boxed, E> {
        Ok(Box::new(CelDouble::from(value)))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Boxed, E> {
        Ok(Box::new(CelString::from(value.to_owned())))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Boxed, E> {
        Ok(Box::new(CelString::from(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Boxed, A::Error> {
        let mut items: Vec<Boxed> = Vec::new();
        while let Some(Json(item)) = access.next_element()? {
            items.push(item);
        }
        Ok(Box::new(CelList::from(items)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Boxed, A::Error> {
        let mut entries: HashMap<CelMapKey<'static>, Boxed> = HashMap::new();
        while let Some((key, Json(value))) = access.next_entry::<String, Json>()? {
            entries.insert(CelMapKey::from(key), value);
        }
        Ok(Box::new(CelMap::from(entries)))
    }
}
