//! Addresses with credentials or signatures: what of them may be shown, and the whole of them sealed.
//!
//! Userinfo and the values of parameters whose names speak of keys, tokens or signatures are never shown and never
//! kept in clear. What is kept is sealed by ChaCha20-Poly1305, an authenticated cipher; its nonce is a keyed digest of
//! the address, so the same address is sealed alike, and two never share a nonce.

use super::Key;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use std::borrow::Cow;

/// What stands for a secret where an address is shown.
pub(crate) const HIDDEN: &str = "***";

/// Parts of names of parameters that hold secrets, folded to small letters.
const SECRET_PARTS: &[&str] = &[
    "sig",
    "token",
    "secret",
    "passw",
    "pwd",
    "auth",
    "credential",
    "apikey",
    "api_key",
    "api-key",
    "accesskey",
    "access_key",
    "access-key",
    "jwt",
    "session",
    "hmac",
    "x-amz-",
    "x-goog-",
    "x-oss-",
    "x-cos-",
    "awsaccess",
];
/// Names of parameters that hold secrets.
const SECRET_NAMES: &[&str] = &[
    "key", "code", "pass", "user", "username", "login", "k", "st", "se", "sas",
];

/// `address` without its secrets, to be shown; itself where it has none. Text that is no address loses what may be
/// one too.
pub(crate) fn shown(address: &str) -> Cow<'_, str> {
    // A password that is not written as it has to be may stand anywhere before an `@`.
    if url::Url::parse(address).is_err()
        && let Some(at) = address.rfind('@')
    {
        let scheme = address
            .find("//")
            .map_or("", |slashes| &address[..(slashes + 2).min(at)]);
        let rest = &address[at..];
        return Cow::Owned(format!(
            "{scheme}{HIDDEN}{}",
            rest.split(['?', '#']).next().unwrap_or_default()
        ));
    }
    let (before, query) = address
        .split_once('?')
        .map_or((address, None), |(before, rest)| (before, Some(rest)));
    let fragment = query.is_none().then(|| before.split_once('#')).flatten();
    let (before, has_fragment) = fragment.map_or((before, false), |(before, _)| (before, true));
    let mut shown = String::with_capacity(address.len());
    match before.split_once("//") {
        Some((scheme, rest)) => {
            shown.push_str(scheme);
            shown.push_str("//");
            let end = rest.find(['/', '\\']).unwrap_or(rest.len());
            let authority = rest[..end].rfind('@');
            match authority {
                Some(at) => {
                    shown.push_str(HIDDEN);
                    shown.push_str(&rest[at..]);
                }
                None => shown.push_str(rest),
            }
        }
        None => match before.rfind('@') {
            Some(at) => {
                shown.push_str(HIDDEN);
                shown.push_str(&before[at..]);
            }
            None => shown.push_str(before),
        },
    }
    if let Some(query) = query {
        shown.push('?');
        let query = query.split('#').next().unwrap_or_default();
        let parameters: Vec<Cow<'_, str>> = query.split('&').map(parameter).collect();
        shown.push_str(&parameters.join("&"));
    }
    let is_same = !has_fragment && shown == address;
    if is_same {
        Cow::Borrowed(address)
    } else {
        Cow::Owned(shown)
    }
}

/// One parameter of a query, its value hidden where its name says that it is a secret.
fn parameter(text: &str) -> Cow<'_, str> {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    let plain = url::form_urlencoded::parse(name.as_bytes()).next();
    let plain = plain.map(|(name, _)| name.to_lowercase()).unwrap_or_default();
    let is_secret =
        SECRET_NAMES.contains(&plain.as_str()) || SECRET_PARTS.iter().any(|part| plain.contains(part));
    if is_secret && !value.is_empty() {
        return Cow::Owned(format!("{name}={HIDDEN}"));
    }
    Cow::Borrowed(text)
}

/// Whether `address` holds what may not be shown.
pub(crate) fn has_secrets(address: &str) -> bool {
    shown(address) != address
}

/// `address`, sealed.
pub(crate) fn seal(key: &Key, address: &str) -> Option<String> {
    let digest = blake3::keyed_hash(&key.derived("nonces of addresses"), address.as_bytes());
    let mut nonce = [0; NONCE_LEN];
    nonce.copy_from_slice(&digest.as_bytes()[..NONCE_LEN]);
    let mut sealed = address.as_bytes().to_vec();
    cipher(key)?
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut sealed)
        .ok()?;
    Some(URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat()))
}

/// What was `sealed`; `None` where it was sealed with another key, or changed.
pub(crate) fn open(key: &Key, sealed: &str) -> Option<String> {
    let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
    let (nonce, rest) = bytes.split_at_checked(NONCE_LEN)?;
    let mut rest = rest.to_vec();
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let opened = cipher(key)?.open_in_place(nonce, Aad::empty(), &mut rest).ok()?;
    String::from_utf8(opened.to_vec()).ok()
}

fn cipher(key: &Key) -> Option<LessSafeKey> {
    let key = key.derived("seals of addresses");
    UnboundKey::new(&CHACHA20_POLY1305, &key)
        .ok()
        .map(LessSafeKey::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use proptest::prelude::*;

    #[test]
    fn secrets_are_hidden_wherever_they_stand() {
        for (address, expected) in [
            ("https://example.org/a.csv", "https://example.org/a.csv"),
            (
                "https://example.org/a.csv?page=2&sort=day",
                "https://example.org/a.csv?page=2&sort=day",
            ),
            (
                "https://ann:s3cret@example.org/a.csv",
                "https://***@example.org/a.csv",
            ),
            ("https://ann@example.org/a.csv", "https://***@example.org/a.csv"),
            (
                "https://ann:p@ss@example.org/a.csv",
                "https://***@example.org/a.csv",
            ),
            ("HTTPS://ann:s3cret@example.org", "HTTPS://***@example.org"),
            (
                "https://b.s3.amazonaws.com/a.csv?X-Amz-Algorithm=A&X-Amz-Credential=B&X-Amz-Signature=C&versionId=7",
                "https://b.s3.amazonaws.com/a.csv?X-Amz-Algorithm=***&X-Amz-Credential=***&X-Amz-Signature=***&versionId=7",
            ),
            (
                "https://x.blob.core.windows.net/a.csv?sv=2022&sig=abc%3D",
                "https://x.blob.core.windows.net/a.csv?sv=2022&sig=***",
            ),
            (
                "https://example.org/a?%74oken=abc",
                "https://example.org/a?%74oken=***",
            ),
            (
                "https://example.org/a?access_token=abc#part",
                "https://example.org/a?access_token=***",
            ),
            ("https://example.org/a#token=abc", "https://example.org/a"),
            (
                "https://example.org/a?API-Key=abc&b=c",
                "https://example.org/a?API-Key=***&b=c",
            ),
            ("ann@example.org/a.csv", "***@example.org/a.csv"),
            (
                "https://ann:p/a@example.org/a.csv",
                "https://***@example.org/a.csv",
            ),
            (
                "https://ann:p?a@example.org/a.csv?sig=b",
                "https://***@example.org/a.csv",
            ),
            (
                "https://example.org/users/ann@example.org/a.csv",
                "https://example.org/users/ann@example.org/a.csv",
            ),
        ] {
            assert_eq!(shown(address), expected);
            assert_eq!(has_secrets(address), address != expected);
            assert_eq!(
                shown(&shown(address)),
                expected,
                "what is shown is shown as it is"
            );
        }
    }

    #[test]
    fn what_is_sealed_is_opened_by_the_same_key_alone() {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let [key, other] = folders
            .each_ref()
            .map(|folder| Key::of(&Config::for_db("http://127.0.0.1:1", folder.path().to_owned())).unwrap());
        let address = "https://ann:s3cret@example.org/a.csv";

        let sealed = seal(&key, address).unwrap();

        assert!(!sealed.contains("s3cret"));
        assert_eq!(Some(&sealed), seal(&key, address).as_ref());
        assert_ne!(
            Some(&sealed),
            seal(&key, "https://ann:s3cre@example.org/a.csv").as_ref()
        );
        assert_eq!(open(&key, &sealed).as_deref(), Some(address));
        assert_eq!(open(&other, &sealed), None);
        assert_eq!(open(&key, &sealed[1..]), None);
        assert_eq!(open(&key, ""), None);
    }

    proptest! {
        #[test]
        fn a_password_is_never_shown(user in "[a-z]{1,8}", password in "[A-Za-z0-9:@!$]{6,16}", path in "[a-z/]{0,12}") {
            let address = format!("https://{user}:{password}@example.org/{path}");
            prop_assert!(!shown(&address).contains(&password));
        }
    }
}
