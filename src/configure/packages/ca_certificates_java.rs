//! ca-certificates-java: the keystore of Java, `/etc/ssl/certs/java/cacerts`, of the certificates that are trusted.
//!
//! It is of the form JKS: magic, version and count; of each certificate its alias, the time at which it was put in, its
//! type and bytes; and a SHA-1 over a password and all that. They stand in the order of `java.util.Hashtable`. The time
//! is the image's, whichever way packages are configured.

use sha1::Digest as _;
use sha1::Sha1;

use super::package::Package;
use crate::configure::tools::certificates::only_certificate;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[("java", java)],
    dated: &[("etc/ssl/certs/java/cacerts", dated)],
    ..Package::of("ca-certificates-java")
};

const KEYSTORE: &[u8] = b"/etc/ssl/certs/java/cacerts";
const PROGRAM: &[u8] = b"/usr/share/ca-certificates-java/ca-certificates-java.jar";
/// The password that all keystores of trusted certificates have: it guards nothing.
const PASSWORD: &str = "changeit";
const MAGIC: u32 = 0xfeed_feed;
const VERSION: u32 = 2;
/// An entry that is a certificate which is trusted.
const TRUSTED: u32 = 2;
const X509: &str = "X.509";

/// `java -version`: whether it runs. `java … -jar ca-certificates-java.jar -storepass WORD`: keystore of a list of files.
fn java(call: &mut Call<'_, '_>) -> Done {
    let args = call.args.to_vec();
    match args.as_slice() {
        [version] if version == b"-version" => Ok(0),
        [memory, jar, program, option, password]
            if memory.starts_with(b"-Xmx") && jar == b"-jar" && program == PROGRAM && option == b"-storepass" =>
        {
            fill(call, &show(password))
        }
        _ => Err(Fault::gap(show(&args.join(&b' ')))),
    }
}

/// Each line is `+` and the path of a certificate that is put in.
fn fill(call: &mut Call<'_, '_>, password: &str) -> Done {
    if call.look(KEYSTORE, true).is_some() {
        return Err(Fault::gap("a keystore that is there"));
    }
    let mut entries = Table::new();
    let input = call.input()?;
    for line in show(&input).lines() {
        let Some(path) = line.strip_prefix('+') else { return Err(Fault::gap(format!("the line `{line}`"))) };
        let text = call.read(path.as_bytes())?;
        let Some(certificate) = only_certificate(&String::from_utf8_lossy(&text)) else {
            return Err(Fault::gap(format!("`{path}`, which is no certificate")));
        };
        let name = path.rsplit('/').next().unwrap_or(path);
        let alias = format!("debian:{}", name.to_lowercase());
        // Java counts and writes characters in units of sixteen bits.
        if alias.chars().any(|character| character == '\0' || u32::from(character) > 0xffff) {
            return Err(Fault::gap(format!("the name `{name}`")));
        }
        call.out(format!("Adding debian:{name}\n"))?;
        entries.put(alias, certificate);
    }
    let clock = call.shell.system.clock;
    let Some(bytes) = keystore(&entries.into_list(), clock, password) else {
        return Err(Fault::gap("certificates of this size"));
    };
    call.write(KEYSTORE, 0o644, bytes)?;
    Ok(0)
}

fn keystore(entries: &[(String, Vec<u8>)], time: i64, password: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for number in [MAGIC, VERSION, u32::try_from(entries.len()).ok()?] {
        bytes.extend(number.to_be_bytes());
    }
    for (alias, certificate) in entries {
        bytes.extend(TRUSTED.to_be_bytes());
        push_text(&mut bytes, alias)?;
        bytes.extend(time.saturating_mul(1000).to_be_bytes());
        push_text(&mut bytes, X509)?;
        bytes.extend(u32::try_from(certificate.len()).ok()?.to_be_bytes());
        bytes.extend(certificate);
    }
    let seal = seal(&bytes, password);
    bytes.extend(seal);
    Some(bytes)
}

fn push_text(bytes: &mut Vec<u8>, text: &str) -> Option<()> {
    bytes.extend(u16::try_from(text.len()).ok()?.to_be_bytes());
    bytes.extend(text.as_bytes());
    Some(())
}

fn seal(bytes: &[u8], password: &str) -> [u8; 20] {
    let mut hash = Sha1::new();
    password.encode_utf16().for_each(|unit| hash.update(unit.to_be_bytes()));
    hash.update(b"Mighty Aphrodite");
    hash.update(bytes);
    hash.finalize().into()
}

/// The keystore with another time at all its entries; one of another form, or with another password, as it is.
fn dated(bytes: &[u8], time: i64) -> Vec<u8> {
    with_time(bytes, time).unwrap_or_else(|| bytes.to_vec())
}

fn with_time(bytes: &[u8], time: i64) -> Option<Vec<u8>> {
    let (mut new, sealed) = (bytes.get(..bytes.len().checked_sub(20)?)?.to_vec(), bytes.get(bytes.len() - 20..)?);
    let number = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let length = |at: usize| Some(usize::from(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?)));
    if number(0)? != MAGIC || number(4)? != VERSION || seal(&new, PASSWORD) != sealed {
        return None;
    }
    let mut at = 12;
    for _ in 0..number(8)? {
        if number(at)? != TRUSTED {
            return None;
        }
        at += 6 + length(at + 4)?;
        new.get_mut(at..at + 8)?.copy_from_slice(&time.saturating_mul(1000).to_be_bytes());
        at += 10 + length(at + 8)?;
        at += 4 + usize::try_from(number(at)?).ok()?;
    }
    let seal = seal(&new, PASSWORD);
    new.extend(seal);
    Some(new)
}

/// `java.util.Hashtable`, for the order in which it gives what it has.
struct Table {
    slots: Vec<Vec<(String, Vec<u8>)>>,
    count: usize,
}

impl Table {
    fn new() -> Self {
        Self { slots: vec![Vec::new(); 11], count: 0 }
    }

    fn slot(&self, alias: &str) -> usize {
        let hash = alias.encode_utf16().fold(0u32, |hash, unit| hash.wrapping_mul(31).wrapping_add(u32::from(unit)));
        (hash & 0x7fff_ffff) as usize % self.slots.len()
    }

    fn put(&mut self, alias: String, certificate: Vec<u8>) {
        let slot = self.slot(&alias);
        if let Some(there) = self.slots[slot].iter_mut().find(|(known, _)| *known == alias) {
            there.1 = certificate;
            return;
        }
        // Three quarters full: it grows, and what was first in a slot comes to be last.
        if self.count >= self.slots.len() * 3 / 4 {
            let larger = vec![Vec::new(); self.slots.len() * 2 + 1];
            let old = std::mem::replace(&mut self.slots, larger);
            for entry in old.into_iter().rev().flatten() {
                let slot = self.slot(&entry.0);
                self.slots[slot].insert(0, entry);
            }
        }
        let slot = self.slot(&alias);
        self.slots[slot].insert(0, (alias, certificate));
        self.count += 1;
    }

    fn into_list(self) -> Vec<(String, Vec<u8>)> {
        self.slots.into_iter().rev().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By the rules of that class; what OpenJDK 21 makes of all certificates of ca-certificates is in this order as well.
    #[test]
    fn the_order_is_javas() {
        let mut table = Table::new();
        for number in 0..20 {
            table.put(format!("debian:{number:02}"), Vec::new());
        }
        table.put("debian:07".into(), vec![7]);
        let order: Vec<String> = table.into_list().into_iter().map(|(alias, _)| alias[7..].to_owned()).collect();
        assert_eq!(order.join(" "), "09 08 07 06 05 04 03 02 01 00 19 18 17 16 15 14 13 12 11 10");
    }

    #[test]
    fn a_keystore_has_the_images_time() {
        let entries = [("debian:ő.pem".to_owned(), vec![1, 2, 3]), ("debian:b".to_owned(), Vec::new())];
        let early = keystore(&entries, 5, PASSWORD).expect("small");
        let late = keystore(&entries, 1_700_000_000, PASSWORD).expect("small");
        assert_ne!(early, late);
        assert_eq!(dated(&early, 1_700_000_000), late);
        // Whatever else lies there stays: another password, a changed byte, something short.
        let other = keystore(&entries, 5, "secret").expect("small");
        let mut changed = early.clone();
        changed[20] ^= 1;
        for bytes in [&other[..], &changed, &early[..31], b""] {
            assert_eq!(dated(bytes, 9), bytes);
        }
        // A count beyond the end is no way out of it.
        let mut long = early[..early.len() - 20].to_vec();
        long[8..12].copy_from_slice(&u32::MAX.to_be_bytes());
        let seal = seal(&long, PASSWORD);
        long.extend(seal);
        assert_eq!(dated(&long, 9), long);
    }
}
