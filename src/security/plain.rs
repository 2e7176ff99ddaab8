//! Names and passwords (PLAIN, RFC 24): those that a client says, and those that a server knows.

use std::fmt;

use subtle::{Choice, ConstantTimeEq};

use super::secret::{Secret, LONGEST};

/// A name and the password that goes with it.
#[derive(PartialEq, Eq)]
pub(crate) struct Credentials {
    name: Secret,
    password: Secret,
}

impl Credentials {
    pub(crate) fn new(name: &[u8], password: &[u8]) -> Credentials {
        Credentials {
            name: Secret::new(name),
            password: Secret::new(password),
        }
    }

    pub(crate) fn name(&self) -> &[u8] {
        self.name.as_slice()
    }

    pub(crate) fn password(&self) -> &[u8] {
        self.password.as_slice()
    }

    /// What is wrong with them, in words.
    pub(crate) fn fault(&self) -> Option<String> {
        let too_long = [("name", &self.name), ("password", &self.password)]
            .into_iter()
            .find(|(_, secret)| secret.is_too_long())?
            .0;
        Some(format!(
            "the {too_long} of a PLAIN user has more than {LONGEST} bytes"
        ))
    }
}

impl ConstantTimeEq for Credentials {
    fn ct_eq(&self, other: &Credentials) -> Choice {
        self.name.ct_eq(&other.name) & self.password.ct_eq(&other.password)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name().escape_ascii().to_string();
        f.debug_struct("Credentials")
            .field("name", &name)
            .finish_non_exhaustive()
    }
}

/// The users that a server lets in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Users(Vec<Credentials>);

impl Users {
    pub(crate) fn new(users: impl IntoIterator<Item = Credentials>) -> Users {
        Users(users.into_iter().collect())
    }

    /// Whether one of the users is the one that says so. Takes as long whoever that is, and whether it is
    /// the name that is not known or the password that is wrong.
    pub(crate) fn know(&self, said: &Credentials) -> bool {
        let mut known = Choice::from(0);
        for user in &self.0 {
            known |= user.ct_eq(said);
        }
        known.into()
    }

    pub(crate) fn fault(&self) -> Option<String> {
        self.0.iter().find_map(Credentials::fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str, password: &str) -> Credentials {
        Credentials::new(name.as_bytes(), password.as_bytes())
    }

    #[test]
    fn a_user_is_known_by_name_and_password_together() {
        let users = Users::new([user("anna", "one"), user("bert", "two"), user("", "")]);
        for (name, password, known) in [
            ("anna", "one", true),
            ("bert", "two", true),
            ("", "", true),
            ("anna", "two", false),
            ("bert", "one", false),
            ("anna", "", false),
            ("anna", "one\0", false),
            ("Anna", "one", false),
            ("", "one", false),
        ] {
            assert_eq!(
                users.know(&user(name, password)),
                known,
                "{name} {password}"
            );
        }
        assert!(!Users::new([]).know(&user("", "")));
    }

    #[test]
    fn what_cannot_be_said_is_a_fault() {
        let long = "x".repeat(256);
        assert_eq!(user("a", "b").fault(), None);
        assert!(user(&long, "b").fault().unwrap().contains("name"));
        let users = Users::new([user("a", "b"), user("a", &long)]);
        let fault = users.fault().unwrap();
        assert!(
            fault.contains("password") && !fault.contains("xx"),
            "{fault}"
        );
    }

    #[test]
    fn passwords_are_not_shown() {
        let shown = format!("{:?}", Users::new([user("anna", "tr0ub4dor")]));
        assert!(shown.contains("anna") && !shown.contains("tr0"), "{shown}");
    }
}
