//! JSON:API documents as the contract writes and reads them (section 3).

use std::fmt;
use std::marker::PhantomData;

use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::schema::{self, ObjectBuilder, Type};
use workapi_errors::Error as ApiError;

use super::body::{self, MediaType};
use super::error::Error;

/// The media type of every document, resources and errors alike.
pub(crate) const MEDIA_TYPE: &str = "application/vnd.api+json";

/// The attributes of a resource.
pub(crate) trait Attributes {
    /// The `type` of the resource: singular, in snake case.
    const TYPE: &'static str;
}

/// A body with the media type of JSON:API.
pub(crate) struct JsonApi<T>(pub(crate) T);

impl<T: Serialize> IntoResponse for JsonApi<T> {
    fn into_response(self) -> Response {
        let content_type = (header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        match serde_json::to_vec(&self.0) {
            Ok(body) => ([content_type], body).into_response(),
            Err(error) => {
                tracing::error!(%error, "failed to write a document");
                http::StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

/// An answer with one resource.
#[derive(Serialize, ToSchema)]
pub(crate) struct Document<A: Attributes> {
    /// The resource.
    pub(crate) data: Resource<A>,
}

/// An answer with all resources of a kind.
#[derive(Serialize, ToSchema)]
pub(crate) struct Collection<A: Attributes> {
    /// The resources; empty when there are none.
    pub(crate) data: Vec<Resource<A>>,
}

/// An object of the API.
// The Ruby SDK takes the members by position and refuses attributes that it does not know
// (contract section 3.2).
#[derive(Serialize, ToSchema)]
pub(crate) struct Resource<A: Attributes> {
    /// Names the object among those of its type.
    #[schema(example = "64b7f0c2a1d3e4f5a6b7c8d9")]
    id: String,
    /// What kind of object it is.
    #[serde(rename = "type")]
    #[schema(schema_with = kind_schema::<A>)]
    kind: &'static str,
    /// What is known about it.
    attributes: A,
}

impl<A: Attributes> Resource<A> {
    /// Makes the resource of an object.
    pub(crate) fn new(id: String, attributes: A) -> Self {
        Self {
            id,
            kind: A::TYPE,
            attributes,
        }
    }
}

/// The body of a request that creates or changes an object. Members that are not described are
/// ignored.
#[derive(Deserialize, ToSchema)]
pub(crate) struct Submission<A: Attributes> {
    /// The object as it shall be.
    #[schema(value_type = Option<Submitted<A>>)]
    data: Option<Object<Submitted<A>>>,
}

/// An object in a request.
#[derive(Deserialize, ToSchema)]
pub(crate) struct Submitted<A: Attributes> {
    /// Names the object that is changed; the path decides.
    pub(crate) id: Option<String>,
    /// What kind of object it is.
    #[serde(rename = "type")]
    #[schema(schema_with = kind_schema::<A>)]
    kind: String,
    /// What shall be. `null` and the empty string mean "not given".
    #[schema(value_type = Option<A>)]
    attributes: Option<Object<A>>,
}

impl<A: Attributes + Default> Submitted<A> {
    /// Returns the attributes, none of them given where the object has none.
    pub(crate) fn into_attributes(self) -> A {
        self.attributes
            .map_or_else(A::default, |Object(attributes)| attributes)
    }
}

/// A JSON object. The derived `Deserialize` of a struct would take an array as well.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, members: M) -> Result<Object<T>, M::Error> {
        T::deserialize(MapAccessDeserializer::new(members)).map(Object)
    }
}

/// Extracts the `data` of a request's document, which may be absent.
pub(crate) struct Data<A: Attributes>(pub(crate) Option<Submitted<A>>);

impl<S: Sync, A: Attributes + DeserializeOwned> FromRequest<S> for Data<A> {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self, Error> {
        let body = body::read(request, MediaType::Json).await?;
        let document: Object<Submission<A>> =
            serde_json::from_slice(&body).map_err(|error| malformed::<A>(&error))?;
        match document.0.data {
            Some(Object(data)) if data.kind != A::TYPE => {
                Err(ApiError::bad_request(format!("data.type has to be \"{}\"", A::TYPE)).into())
            }
            data => Ok(Self(data.map(|Object(data)| data))),
        }
    }
}

/// Says where a body stops making sense, without repeating any of it.
fn malformed<A: Attributes>(error: &serde_json::Error) -> ApiError {
    let (line, column) = (error.line(), error.column());
    let complaint = if error.is_data() {
        format!(
            "the body is not a JSON:API document of type \"{}\"",
            A::TYPE
        )
    } else {
        "the body is not JSON".to_owned()
    };
    ApiError::bad_request(format!("{complaint} (line {line}, column {column})"))
}

fn kind_schema<A: Attributes>() -> schema::Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some([A::TYPE]))
        .build()
}
