//! The parser of endpoints.

use crate::endpoint::Endpoint;

/// Text that is an endpoint is printed so that it is read as the same again; other text is refused
/// with an error that names it.
pub fn endpoint(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match text.parse::<Endpoint>() {
        Ok(endpoint) => {
            let printed = endpoint.to_string();
            assert_eq!(printed.parse::<Endpoint>(), Ok(endpoint));
            let again = printed.parse::<Endpoint>().map(|it| it.to_string());
            assert_eq!(again, Ok(printed));
        }
        Err(error) => {
            assert_eq!(error.endpoint(), text);
            assert!(!error.to_string().is_empty());
        }
    }
}
