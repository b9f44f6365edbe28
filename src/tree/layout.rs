//! Where the bytes of files lie in a tar or an image, for the next one that has the same files.

use std::collections::BTreeMap;

use crate::digest::Sha256;

/// Of each content of a file, by its digest, where it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layout(BTreeMap<Sha256, Place>);

/// Where one content is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// Its first byte.
    pub(crate) start: u64,
    /// What the format says of its parts.
    pub(crate) parts: Vec<u32>,
}

impl Layout {
    /// Where a content is.
    pub(crate) fn get(&self, content: &Sha256) -> Option<&Place> {
        self.0.get(content)
    }

    /// Notes where a content is; the first place counts.
    pub(crate) fn put(&mut self, content: Sha256, place: Place) {
        self.0.entry(content).or_insert(place);
    }

    /// As bytes, to be kept.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (content, Place { start, parts }) in &self.0 {
            bytes.extend(content.as_bytes());
            bytes.extend(start.to_le_bytes());
            bytes.extend(u32::try_from(parts.len()).unwrap_or(u32::MAX).to_le_bytes());
            parts.iter().for_each(|part| bytes.extend(part.to_le_bytes()));
        }
        bytes
    }

    /// Reads what [`Layout::to_bytes`] wrote; `None`: it is something else.
    #[must_use]
    pub fn parse(mut bytes: &[u8]) -> Option<Self> {
        let mut layout = Self::default();
        while let Some((content, rest)) = bytes.split_first_chunk::<32>() {
            let (start, rest) = rest.split_first_chunk()?;
            let (count, rest) = rest.split_first_chunk()?;
            let length = usize::try_from(u32::from_le_bytes(*count)).ok()?.checked_mul(4)?;
            let (parts, rest) = rest.split_at_checked(length)?;
            let part = |part: &[u8]| part.try_into().map_or(0, u32::from_le_bytes);
            let parts = parts.chunks_exact(4).map(part).collect();
            layout.put(Sha256::from_bytes(*content), Place { start: u64::from_le_bytes(*start), parts });
            bytes = rest;
        }
        bytes.is_empty().then_some(layout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layout_is_read_as_it_was_written() {
        let mut layout = Layout::default();
        for (number, text) in ["a", "b", "c"].into_iter().enumerate() {
            let parts = (0..number as u32).collect();
            layout.put(Sha256::of(text.as_bytes()), Place { start: 1 << (number * 20), parts });
        }
        let bytes = layout.to_bytes();
        assert_eq!(Layout::parse(&bytes), Some(layout));
        assert_eq!(Layout::parse(&[]), Some(Layout::default()));
        for length in 1..44 {
            assert_eq!(Layout::parse(&bytes[..length]), None, "{length}");
        }
    }
}
