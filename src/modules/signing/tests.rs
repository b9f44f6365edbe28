use super::*;
use crate::testing::MODULE_CERTIFICATE;
use crate::testing::MODULE_KEY;

fn key() -> ModuleKey {
    ModuleKey::new(MODULE_KEY.as_bytes(), MODULE_CERTIFICATE.as_bytes()).expect("a pair")
}

/// What `sign-file sha256` of linux-kbuild-6.12 makes of these eight bytes with this key.
#[test]
fn the_bytes_are_those_of_sign_file() {
    let signed = key().signed(b"a module");
    assert_eq!(signed.len(), 448);
    assert_eq!(Sha256::of(&signed).to_string(), "114db04a343935d53785843fe7c83daea752403084faa56f032147472ec493c8");
    assert_eq!(key().signed(b"a module"), signed);
}

#[test]
fn a_certificate_may_be_der() {
    let der = from_pem(MODULE_CERTIFICATE, "CERTIFICATE").expect("PEM");
    let other = ModuleKey::new(MODULE_KEY.as_bytes(), &der).expect("a pair");
    assert_eq!(other.signed(b"x"), key().signed(b"x"));
    // However a certificate is cut, it is none.
    for length in 0..der.len().min(620) {
        let cut = ModuleKey::new(MODULE_KEY.as_bytes(), &der[..length]).expect_err("it is cut");
        assert_eq!(cut, KeyError::Certificate, "{length}");
    }
}

#[test]
fn what_is_no_key_is_named_without_a_word_of_it() {
    let encrypted = MODULE_KEY.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let damaged = MODULE_KEY.replacen("MII", "MIJ", 1);
    let certificate = MODULE_CERTIFICATE.as_bytes();
    for (name, text) in [("encrypted", encrypted.as_str()), ("damaged", &damaged), ("other", "secret words"), ("", "")]
    {
        let error = ModuleKey::new(text.as_bytes(), certificate).expect_err(name);
        assert!(matches!(error, KeyError::Key(_)), "{name}: {error}");
        assert!(!error.to_string().contains("secret words"), "{error}");
    }
    assert!(!format!("{:?}", key()).contains("RsaKeyPair"));
    let other = from_pem(MODULE_CERTIFICATE, "CERTIFICATE").expect("PEM");
    // One bit of the public key.
    let mut other = other;
    let at = other.windows(4).position(|bytes| bytes == [0x02, 0x82, 0x01, 0x01]).expect("its modulus") + 100;
    other[at] ^= 1;
    assert_eq!(ModuleKey::new(MODULE_KEY.as_bytes(), &other).expect_err("another key"), KeyError::Pair);
}
