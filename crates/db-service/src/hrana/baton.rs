//! Batons: how a client names its stream in the next request.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// The part of a baton that nobody can guess; each is good for one request.
pub(super) type Token = [u8; 16];

/// Bytes that nobody can guess.
#[expect(
    clippy::expect_used,
    reason = "a system without random numbers cannot make batons that nobody guesses"
)]
pub(super) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system gives random numbers");
    bytes
}

/// Writes a baton.
pub(super) fn write_baton(boot: [u8; 8], id: u64, token: Token) -> String {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&boot);
    bytes[8..16].copy_from_slice(&id.to_be_bytes());
    bytes[16..].copy_from_slice(&token);
    STANDARD_NO_PAD.encode(bytes)
}

/// The start of the service, the stream and the token that a baton names.
pub(super) fn read_baton(baton: &str) -> Option<([u8; 8], u64, Token)> {
    let bytes: [u8; 32] = STANDARD_NO_PAD.decode(baton).ok()?.try_into().ok()?;
    let (boot, rest) = bytes.split_first_chunk::<8>()?;
    let (id, token) = rest.split_first_chunk::<8>()?;
    Some((*boot, u64::from_be_bytes(*id), token.try_into().ok()?))
}
