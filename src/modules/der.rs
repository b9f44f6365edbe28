//! As much of DER (X.690) as a signature of a module and the certificate that it names have.

/// A value with its tag, as it stands: to be written, or to be looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Value<'a> {
    pub(super) tag: u8,
    /// With tag and length.
    pub(super) whole: &'a [u8],
    pub(super) body: &'a [u8],
}

pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
/// `[0]`, holding values.
pub(super) const CONTEXT_0: u8 = 0xa0;

/// Values that follow each other.
#[derive(Debug, Clone)]
pub(super) struct Values<'a>(pub(super) &'a [u8]);

impl<'a> Values<'a> {
    /// The next one, if it has this tag.
    pub(super) fn tagged(&mut self, tag: u8) -> Option<Value<'a>> {
        let value = self.clone().next().filter(|value| value.tag == tag)?;
        self.0 = &self.0[value.whole.len()..];
        Some(value)
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = Value<'a>;

    /// `None`: there is no more, or what is there is none.
    fn next(&mut self) -> Option<Value<'a>> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, head) = match first {
            0..=0x7f => (usize::from(first), 2),
            0x81..=0x84 => {
                let bytes = rest.get(..usize::from(first - 0x80))?;
                let length = bytes.iter().fold(0_u32, |length, byte| length << 8 | u32::from(*byte));
                (usize::try_from(length).ok()?, 2 + bytes.len())
            }
            _ => return None,
        };
        let whole = self.0.get(..head.checked_add(length)?)?;
        self.0 = &self.0[whole.len()..];
        Some(Value { tag, whole, body: &whole[head..] })
    }
}

/// One value that holds these, one after the other.
pub(super) fn value(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let length = body.len().to_be_bytes();
    let length = &length[length.iter().take_while(|byte| **byte == 0).count()..];
    let mut whole = vec![tag];
    match (body.len(), u8::try_from(length.len())) {
        (0..=0x7f, _) => whole.push(length.first().copied().unwrap_or(0)),
        (_, Ok(count)) => {
            whole.push(0x80 | count);
            whole.extend(length);
        }
        (_, Err(_)) => unreachable!("a length has at most eight bytes"),
    }
    whole.extend(body);
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_as_they_are_written() {
        for length in [0, 1, 127, 128, 255, 256, 65_535, 65_536] {
            let bytes = value(OCTET_STRING, &[&vec![7; length]]);
            let mut values = Values(&bytes);
            let read = values.tagged(OCTET_STRING).expect("our own");
            assert_eq!((read.body.len(), read.whole.len()), (length, bytes.len()));
            assert_eq!(values.next(), None);
        }
        assert_eq!(value(OCTET_STRING, &[&[7; 200]])[..3], [0x04, 0x81, 200]);
    }

    #[test]
    fn what_is_cut_is_none() {
        let bytes = value(SEQUENCE, &[&value(INTEGER, &[&[1; 300]])]);
        for length in 0..bytes.len() {
            assert_eq!(Values(&bytes[..length]).next(), None, "{length}");
        }
        for bad in [&[0x30, 0x80][..], &[0x30, 0x85, 1, 1, 1, 1, 1], &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff], &[0x30]] {
            assert_eq!(Values(bad).next(), None, "{bad:?}");
        }
        assert_eq!(Values(&bytes).tagged(SET), None);
    }
}
