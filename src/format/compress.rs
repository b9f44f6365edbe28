//! gzip, xz, zstd, bzip2 and lzma as streams: decoders that trust nothing, encoders whose bytes depend on nothing but
//! the input.
//!
//! dpkg lets garbage follow a compressed member and a zstd frame end early; here a stream ends exactly where its
//! format says, or it is an error. Several gzip members, xz streams, bzip2 streams or zstd frames in a row are one
//! stream, as for their own tools; skippable frames of zstd (RFC 8878, 3.1.2), which pzstd writes, hold nothing.

use std::fmt;
use std::io;
use std::io::BufRead;
use std::io::Read;
use std::io::Write;

use bzip2::bufread::MultiBzDecoder;
use bzip2::write::BzEncoder;
use flate2::GzBuilder;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;
use xz2::bufread::XzDecoder;
use xz2::stream::Action;
use xz2::stream::Check;
use xz2::stream::LzmaOptions;
use xz2::stream::MtStreamBuilder;
use xz2::stream::Status;
use xz2::stream::Stream;

use crate::cancel::Cancel;
use crate::limits;

/// A compression format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Compression {
    None,
    Gzip,
    Xz,
    Zstd,
    /// Of old packages and indices.
    Bzip2,
    /// What came before xz; has no checksum.
    Lzma,
}

impl Compression {
    /// The ending of file names, with its dot; empty for [`Compression::None`].
    #[must_use]
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gzip => ".gz",
            Self::Xz => ".xz",
            Self::Zstd => ".zst",
            Self::Bzip2 => ".bz2",
            Self::Lzma => ".lzma",
        }
    }
}

/// The format whose magic number stands at the beginning of `bytes`; [`Compression::None`] when none does. lzma
/// has no magic number, so it is not looked for.
#[must_use]
pub fn sniff(bytes: &[u8]) -> Compression {
    match bytes {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Compression::Xz,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Compression::Zstd,
        [b'B', b'Z', b'h', b'1'..=b'9', ..] => Compression::Bzip2,
        _ => Compression::None,
    }
}

/// What a decoder may use, and how much it may yield.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// What `output` is among [`limits::Limits`], in words: ``limit `data` ``; nothing: it is none of them.
    pub name: &'static str,
    /// The most bytes that may come out.
    pub output: u64,
    /// The most memory for the decoder's window. `xz -9` needs 64 MiB and a little more.
    pub memory: u64,
    /// Threads for xz with several blocks; changes nothing but the speed.
    pub threads: u32,
    /// Output per input above which a stream is taken for a bomb.
    pub ratio: u64,
    /// Below so many bytes no ratio is looked at: small files of zeros are common and harmless.
    pub small: u64,
}

impl Allowance {
    /// At most `output` bytes, with the memory that every Debian package is content with.
    #[must_use]
    pub const fn new(output: u64) -> Self {
        Self::within("", output, &limits::Limits::DEFAULT)
    }

    /// At most `output` bytes, which is the limit of this name, within these limits.
    #[must_use]
    pub const fn within(name: &'static str, output: u64, limits: &limits::Limits) -> Self {
        let limits::Limits { memory, ratio, small, .. } = *limits;
        Self { name, output, memory, threads: 1, ratio, small }
    }
}

/// What several xz blocks may take together before they are decoded one after the other.
const THREADS_MEMORY: u64 = 512 << 20;
/// The largest zstd window in bits: 128 MiB, as `zstd --ultra -22` needs.
const WINDOW_LOG_MAX: u32 = 27;

/// A decoding reader; see [`decoder`].
pub struct Decoder<'a> {
    state: State<'a>,
    limits: Allowance,
    output: u64,
}

type Input<'a> = Counted<Box<dyn BufRead + Send + 'a>>;

enum State<'a> {
    None(Input<'a>),
    Gzip(MultiGzDecoder<Input<'a>>),
    Xz(XzDecoder<Input<'a>>),
    Zstd(zstd::Decoder<'static, Input<'a>>),
    Bzip2(MultiBzDecoder<Input<'a>>),
    Lzma(XzDecoder<Input<'a>>),
    /// Only while an xz stream is followed by the next.
    Between,
}

/// Reads `input`, compressed in this format, as what it was before.
///
/// The end of the reader is the proven end of the input: nothing is missing, nothing follows, and checksums are
/// right. Errors have kind `InvalidData`, `UnexpectedEof`, or `FileTooLarge` for a limit that was passed.
///
/// # Errors
/// The decoder cannot be made.
pub fn decoder<'a>(kind: Compression, input: impl BufRead + Send + 'a, limits: Allowance) -> io::Result<Decoder<'a>> {
    let input = Counted { inner: Box::new(input) as Box<dyn BufRead + Send>, count: 0 };
    let state = match kind {
        Compression::None => State::None(input),
        Compression::Gzip => State::Gzip(MultiGzDecoder::new(input)),
        Compression::Xz => State::Xz(XzDecoder::new_stream(input, xz_stream(&limits)?)),
        Compression::Zstd => {
            let mut decoder = zstd::Decoder::with_buffer(input)?;
            let memory = u64::BITS - 1 - limits.memory.max(1).leading_zeros();
            decoder.window_log_max(memory.clamp(10, WINDOW_LOG_MAX))?;
            State::Zstd(decoder)
        }
        Compression::Bzip2 => State::Bzip2(MultiBzDecoder::new(input)),
        Compression::Lzma => State::Lzma(XzDecoder::new_stream(input, Stream::new_lzma_decoder(limits.memory)?)),
    };
    Ok(Decoder { state, limits, output: 0 })
}

fn xz_stream(limits: &Allowance) -> io::Result<Stream> {
    let stream = if limits.threads > 1 {
        MtStreamBuilder::new()
            .threads(limits.threads)
            .memlimit_threading(THREADS_MEMORY.min(limits.memory.saturating_mul(u64::from(limits.threads))))
            .memlimit_stop(limits.memory)
            .decoder()
    } else {
        Stream::new_stream_decoder(limits.memory, 0)
    };
    Ok(stream?)
}

impl Decoder<'_> {
    /// The compressed bytes taken so far.
    #[must_use]
    pub fn input(&self) -> u64 {
        match &self.state {
            State::None(input) => input.count,
            State::Gzip(decoder) => decoder.get_ref().count,
            State::Xz(decoder) => decoder.get_ref().count,
            State::Zstd(decoder) => decoder.get_ref().count,
            State::Bzip2(decoder) => decoder.get_ref().count,
            State::Lzma(decoder) => decoder.get_ref().count,
            State::Between => 0,
        }
    }

    fn fill(&mut self) -> io::Result<&[u8]> {
        match &mut self.state {
            State::None(input) => input.fill_buf(),
            State::Gzip(decoder) => decoder.get_mut().fill_buf(),
            State::Xz(decoder) => decoder.get_mut().fill_buf(),
            State::Zstd(decoder) => decoder.get_mut().fill_buf(),
            State::Bzip2(decoder) => decoder.get_mut().fill_buf(),
            State::Lzma(decoder) => decoder.get_mut().fill_buf(),
            State::Between => Ok(&[]),
        }
    }

    fn decode(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.input() == 0 && !matches!(self.state, State::None(_)) && self.fill()?.is_empty() {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the compressed stream is empty"));
        }
        loop {
            let count = match &mut self.state {
                State::None(input) => input.read(buffer),
                State::Gzip(decoder) => decoder.read(buffer).map_err(|error| describe("gzip", error)),
                State::Xz(decoder) => decoder.read(buffer).map_err(|error| describe("xz", error)),
                State::Zstd(decoder) => decoder.read(buffer).map_err(|error| describe("zstd", error)),
                State::Bzip2(decoder) => decoder.read(buffer).map_err(|error| describe("bzip2", error)),
                State::Lzma(decoder) => decoder.read(buffer).map_err(|error| describe("lzma", error)),
                State::Between => Ok(0),
            }?;
            if count > 0 || self.fill()?.is_empty() {
                return Ok(count);
            }
            self.next_stream()?;
        }
    }

    /// The decoder is at its end and its input is not: the next xz stream, or garbage.
    fn next_stream(&mut self) -> io::Result<()> {
        let garbage = || io::Error::new(io::ErrorKind::InvalidData, "data follows the end of the compressed stream");
        if !matches!(self.state, State::Xz(_)) || sniff(self.fill()?) != Compression::Xz {
            return Err(garbage());
        }
        if let State::Xz(decoder) = std::mem::replace(&mut self.state, State::Between) {
            self.state = State::Xz(XzDecoder::new_stream(decoder.into_inner(), xz_stream(&self.limits)?));
        }
        Ok(())
    }
}

impl Read for Decoder<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let count = self.decode(buffer)?;
        self.output += count as u64;
        let too_large = |text| Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
        if self.output > self.limits.output {
            let Allowance { name, output, .. } = self.limits;
            let limit = if name.is_empty() { String::new() } else { format!(" ({name})") };
            return too_large(format!("more than the allowed {output} bytes come out of the stream{limit}"));
        }
        let compressed = !matches!(self.state, State::None(_));
        let ratio = self.limits.ratio.max(1);
        if compressed && self.output > self.limits.small && self.output / ratio > self.input() {
            return too_large(format!(
                "the compressed stream grows more than {ratio}-fold (limits `ratio` and `small`)"
            ));
        }
        Ok(count)
    }
}

impl fmt::Debug for Decoder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder").field("limits", &self.limits).field("output", &self.output).finish_non_exhaustive()
    }
}

/// Says of which format the error is; the libraries' own words are as short as "data error".
fn describe(format: &str, error: io::Error) -> io::Error {
    let liblzma = error.get_ref().and_then(|inner| inner.downcast_ref::<xz2::stream::Error>());
    let kind = match (error.kind(), liblzma) {
        (_, Some(xz2::stream::Error::MemLimit)) => return too_much_memory(format),
        // zstd's errors are words only.
        _ if error.to_string().contains("too much memory") => return too_much_memory(format),
        (io::ErrorKind::UnexpectedEof, _) => io::ErrorKind::UnexpectedEof,
        // What comes from reading the input is not about its format.
        (io::ErrorKind::Other | io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData, _) => {
            io::ErrorKind::InvalidData
        }
        _ => return error,
    };
    io::Error::new(kind, format!("the {format} stream is damaged: {error}"))
}

fn too_much_memory(format: &str) -> io::Error {
    let text = format!("the {format} stream wants more memory than its decoder may take (limit `memory`)");
    io::Error::new(io::ErrorKind::FileTooLarge, text)
}

/// Counts what is consumed.
struct Counted<R> {
    inner: R,
    count: u64,
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.count += count as u64;
        Ok(count)
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        loop {
            match self.inner.fill_buf() {
                Ok(_) => break,
                // zstd would pass it on, and its reader is not made to be asked again.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.inner.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.count += count as u64;
        self.inner.consume(count);
    }
}

/// gzip's default level: smaller costs four times the time for one percent.
const GZIP_LEVEL: u32 = 6;
/// xz's default preset.
const XZ_PRESET: u32 = 6;
/// Three times the preset's dictionary, as `xz -T` cuts. Fixed, so that the number of threads does not show.
const XZ_BLOCK: u64 = 24 << 20;
/// Milliseconds after which xz looks up from its work.
const XZ_LOOK: u32 = 50;
/// Near the knee of zstd's curve; decoding is as fast at any level.
const ZSTD_LEVEL: i32 = 9;

/// The pieces in which everything reaches an encoder: zlib's matches depend on how its input is cut.
const PIECE: usize = 128 << 10;

/// A compressing writer; [`Encoder::finish`] writes the end.
pub struct Encoder<W: Write> {
    /// Less than a piece, not yet compressed.
    pending: Vec<u8>,
    encoding: Encoding<W>,
    cancel: Cancel,
}

enum Encoding<W: Write> {
    None(W),
    Gzip(GzEncoder<W>),
    Xz(Xz<W>),
    Zstd(zstd::Encoder<'static, W>),
    Bzip2(BzEncoder<W>),
}

/// Compresses into `output`. The bytes depend on what is written alone: not on how it is cut into pieces, on
/// `threads`, the time or the machine.
///
/// # Errors
/// The encoder cannot be made.
pub fn encoder<W: Write>(kind: Compression, threads: u32, output: W) -> io::Result<Encoder<W>> {
    let encoding = match kind {
        Compression::None => Encoding::None(output),
        Compression::Gzip => {
            let header = GzBuilder::new().mtime(0).operating_system(255);
            Encoding::Gzip(header.write(output, flate2::Compression::new(GZIP_LEVEL)))
        }
        Compression::Xz => {
            // The kernel unpacks an initramfs with CRC32 only.
            let stream = MtStreamBuilder::new()
                .threads(threads.max(1))
                .preset(XZ_PRESET)
                .check(Check::Crc32)
                .block_size(XZ_BLOCK)
                .timeout_ms(XZ_LOOK)
                .encoder()?;
            Encoding::Xz(Xz { output, stream, buffer: Vec::with_capacity(PIECE) })
        }
        Compression::Zstd => {
            let mut encoder = zstd::Encoder::new(output, ZSTD_LEVEL)?;
            encoder.include_checksum(true)?;
            // At least one worker: without any, the library cuts its blocks otherwise.
            encoder.multithread(threads.max(1))?;
            Encoding::Zstd(encoder)
        }
        Compression::Bzip2 => Encoding::Bzip2(BzEncoder::new(output, bzip2::Compression::best())),
        Compression::Lzma => {
            let stream = Stream::new_lzma_encoder(&LzmaOptions::new_preset(XZ_PRESET)?)?;
            Encoding::Xz(Xz { output, stream, buffer: Vec::with_capacity(PIECE) })
        }
    };
    Ok(Encoder { pending: Vec::new(), encoding, cancel: Cancel::default() })
}

impl<W: Write> Encoder<W> {
    /// Gives up when this says so: the writing then fails, and what was written has no end.
    #[must_use]
    pub fn cancelled_by(self, cancel: &Cancel) -> Self {
        Self { cancel: cancel.clone(), ..self }
    }

    /// Writes the end of the stream and returns the inner writer.
    ///
    /// # Errors
    /// The inner writer's.
    pub fn finish(mut self) -> io::Result<W> {
        let pending = std::mem::take(&mut self.pending);
        self.encoding.write_all(&pending, &self.cancel)?;
        match self.encoding {
            Encoding::None(output) => Ok(output),
            Encoding::Gzip(encoder) => encoder.finish(),
            Encoding::Xz(encoder) => encoder.finish(&self.cancel),
            Encoding::Zstd(encoder) => encoder.finish(),
            Encoding::Bzip2(encoder) => encoder.finish(),
        }
    }
}

impl<W: Write> Encoding<W> {
    fn write_all(&mut self, bytes: &[u8], cancel: &Cancel) -> io::Result<()> {
        cancel.check()?;
        match self {
            Self::None(output) => output.write_all(bytes),
            Self::Gzip(encoder) => encoder.write_all(bytes),
            Self::Xz(encoder) => encoder.run(bytes, Action::Run, cancel),
            Self::Zstd(encoder) => encoder.write_all(bytes),
            Self::Bzip2(encoder) => encoder.write_all(bytes),
        }
    }
}

/// xz on several threads. While all of them are busy with a block, which takes seconds, liblzma's own call waits for one;
/// here it returns now and then, so that somebody can ask whether to go on. When this is dropped, its threads end within
/// some kilobytes of input.
struct Xz<W> {
    output: W,
    stream: Stream,
    /// What came out, on its way to the output.
    buffer: Vec<u8>,
}

impl<W: Write> Xz<W> {
    /// Takes in all of `bytes`; with [`Action::Finish`], brings out everything that is left.
    fn run(&mut self, mut bytes: &[u8], action: Action, cancel: &Cancel) -> io::Result<()> {
        loop {
            cancel.check()?;
            let before = self.stream.total_in();
            let status = self.stream.process_vec(bytes, &mut self.buffer, action)?;
            let taken = usize::try_from(self.stream.total_in() - before).expect("no more than was given");
            bytes = &bytes[taken..];
            self.output.write_all(&self.buffer)?;
            self.buffer.clear();
            let done = match action {
                Action::Finish => matches!(status, Status::StreamEnd),
                _ => bytes.is_empty(),
            };
            if done {
                return Ok(());
            }
        }
    }

    fn finish(mut self, cancel: &Cancel) -> io::Result<W> {
        self.run(&[], Action::Finish, cancel)?;
        Ok(self.output)
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(PIECE - self.pending.len());
        self.pending.extend_from_slice(&bytes[..count]);
        if self.pending.len() == PIECE {
            self.encoding.write_all(&self.pending, &self.cancel)?;
            self.pending.clear();
        }
        Ok(count)
    }

    /// Does nothing: a flush in the middle would change the bytes of a compressed stream.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<W: Write> fmt::Debug for Encoder<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoder").field("pending", &self.pending.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Compression; 6] = [
        Compression::None,
        Compression::Gzip,
        Compression::Xz,
        Compression::Zstd,
        Compression::Bzip2,
        Compression::Lzma,
    ];
    const CHECKED: [Compression; 4] = [Compression::Gzip, Compression::Xz, Compression::Zstd, Compression::Bzip2];

    /// Neither random nor all alike.
    fn sample(length: usize) -> Vec<u8> {
        (0..length as u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8 & 0x1f | (at >> 12) as u8).collect()
    }

    fn pack(kind: Compression, threads: u32, bytes: &[u8], piece: usize) -> Vec<u8> {
        let mut encoder = encoder(kind, threads, Vec::new()).expect("an encoder");
        for piece in bytes.chunks(piece) {
            encoder.write_all(piece).expect("memory takes it");
            encoder.flush().expect("memory takes it");
        }
        encoder.finish().expect("memory takes it")
    }

    fn unpack_with(kind: Compression, bytes: &[u8], limits: Allowance) -> io::Result<Vec<u8>> {
        let mut output = Vec::new();
        decoder(kind, bytes, limits)?.read_to_end(&mut output)?;
        Ok(output)
    }

    fn unpack(kind: Compression, bytes: &[u8]) -> io::Result<Vec<u8>> {
        unpack_with(kind, bytes, Allowance::new(1 << 30))
    }

    #[test]
    fn what_is_packed_unpacks() {
        for kind in ALL {
            for length in [0, 1, 4096, 300_000] {
                let packed = pack(kind, 1, &sample(length), 7919);
                assert_eq!(unpack(kind, &packed).expect("our own stream"), sample(length), "{kind:?} {length}");
                if !matches!(kind, Compression::None | Compression::Bzip2 | Compression::Lzma) {
                    assert_eq!(sniff(&packed), kind);
                }
            }
        }
    }

    #[test]
    fn bytes_do_not_depend_on_pieces_or_threads() {
        let bytes = sample(3 << 20);
        for kind in ALL {
            let packed = pack(kind, 1, &bytes, usize::MAX);
            for (threads, piece) in [(1, 1000), (2, 65_537), (3, usize::MAX)] {
                assert!(pack(kind, threads, &bytes, piece) == packed, "{kind:?} {threads} {piece}");
            }
        }
    }

    #[test]
    fn case_54_every_cut_is_an_error() {
        let bytes = sample(2000);
        for kind in ALL.into_iter().filter(|kind| *kind != Compression::None) {
            let packed = pack(kind, 1, &bytes, usize::MAX);
            for length in 0..packed.len() {
                assert!(unpack(kind, &packed[..length]).is_err(), "{kind:?} cut to {length} of {}", packed.len());
            }
        }
    }

    #[test]
    fn case_54_no_changed_bit_is_taken_for_other_content() {
        let bytes = sample(500);
        for kind in CHECKED {
            let packed = pack(kind, 1, &bytes, usize::MAX);
            for bit in 0..packed.len() * 8 {
                let mut changed = packed.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                // A gzip header has bits without meaning: time, system, flags.
                if let Ok(output) = unpack(kind, &changed) {
                    assert_eq!(output, bytes, "{kind:?} bit {bit}");
                }
            }
        }
    }

    #[test]
    fn case_54_what_may_follow_and_what_not() {
        let a = sample(1000);
        for kind in ALL.into_iter().filter(|kind| *kind != Compression::None) {
            let packed = pack(kind, 1, &a, usize::MAX);
            for threads in [1, 2] {
                let limits = Allowance { threads, ..Allowance::new(1 << 20) };
                for garbage in [&b"\0"[..], b"\0\0\0\0", b"garbage", b"\x50\x2a\x4d\x18\x01\0\0\0"] {
                    let error = unpack_with(kind, &[&packed, garbage].concat(), limits);
                    assert!(error.is_err(), "{kind:?} {threads} followed by {garbage:?}");
                }
                let twice = unpack_with(kind, &[packed.as_slice(), &packed].concat(), limits);
                if kind == Compression::Lzma {
                    assert!(twice.is_err(), "lzma knows one stream");
                } else {
                    assert_eq!(twice.expect("two streams are one"), [a.as_slice(), &a].concat(), "{kind:?} {threads}");
                }
            }
        }
    }

    #[test]
    fn case_54_skippable_frames_of_zstd_hold_nothing() {
        let a = sample(1000);
        let packed = pack(Compression::Zstd, 1, &a, usize::MAX);
        let skip = |size: u8, bytes: &[u8]| [&[0x5a, 0x2a, 0x4d, 0x18, size, 0, 0, 0], bytes].concat();
        // As pzstd writes: before every frame one that tells its size.
        let parts = [skip(4, b"size"), packed.clone(), skip(0, b""), packed, skip(1, b"x")].concat();
        assert_eq!(unpack(Compression::Zstd, &parts).expect("two frames"), [a.as_slice(), &a].concat());
        for cut in [3, 7, 9, parts.len() - 1, parts.len() - 5] {
            assert!(unpack(Compression::Zstd, &parts[..cut]).is_err(), "cut to {cut}");
        }
        let limits = Allowance { output: 1999, ..Allowance::new(1 << 20) };
        assert!(unpack_with(Compression::Zstd, &parts, limits).is_err(), "the limit is of all frames");
    }

    #[test]
    fn case_53_output_is_limited_to_the_byte() {
        for kind in ALL {
            let packed = pack(kind, 1, &sample(5000), usize::MAX);
            assert!(unpack_with(kind, &packed, Allowance::new(5000)).is_ok(), "{kind:?}");
            let error = unpack_with(kind, &packed, Allowance::new(4999)).expect_err("one too many");
            assert_eq!(error.kind(), io::ErrorKind::FileTooLarge, "{kind:?}");
        }
    }

    #[test]
    fn case_53_memory_is_limited() {
        let packed = pack(Compression::Xz, 1, &sample(5000), usize::MAX);
        for threads in [1, 2] {
            let small = Allowance { memory: 1 << 20, threads, ..Allowance::new(1 << 20) };
            let error = unpack_with(Compression::Xz, &packed, small).expect_err("the dictionary is 8 MiB");
            assert_eq!(error.kind(), io::ErrorKind::FileTooLarge, "{error}");
        }
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).expect("an encoder");
        encoder.window_log(28).expect("zstd knows 28 bits");
        encoder.write_all(&sample(5000)).expect("memory takes it");
        let packed = encoder.finish().expect("memory takes it");
        let error = unpack(Compression::Zstd, &packed).expect_err("the window is 256 MiB");
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge, "{error}");
    }

    #[test]
    fn case_53_a_bomb_is_stopped_by_its_ratio() {
        let zeros = vec![0; 300 << 20];
        let packed = zstd::encode_all(zeros.as_slice(), 1).expect("memory takes it");
        let error = io::copy(
            &mut decoder(Compression::Zstd, packed.as_slice(), Allowance::new(u64::MAX)).expect("a decoder"),
            &mut io::sink(),
        )
        .expect_err("a bomb");
        assert!(error.to_string().contains("1000-fold"), "{error}");
    }

    #[test]
    fn a_failing_input_is_not_a_damaged_stream() {
        struct Failing;
        impl Read for Failing {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::new(io::ErrorKind::ConnectionReset, "gone"))
            }
        }
        for kind in ALL {
            let mut decoder = decoder(kind, io::BufReader::new(Failing), Allowance::new(10)).expect("a decoder");
            let error = decoder.read_to_end(&mut Vec::new()).expect_err("the input fails");
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{kind:?}");
        }
    }

    /// Blocks of 24 MiB keep every thread busy for seconds: a write is ended nevertheless, and so are the threads.
    #[test]
    fn a_cancelled_encoder_ends_soon() {
        let bytes = sample(4 << 20);
        for kind in ALL {
            let start = std::time::Instant::now();
            let cancel = Cancel::when(move || start.elapsed() > std::time::Duration::from_millis(700));
            let mut encoder = encoder(kind, 2, io::sink()).expect("an encoder").cancelled_by(&cancel);
            let error = loop {
                if let Err(error) = encoder.write_all(&bytes) {
                    break error;
                }
            };
            assert!(crate::cancel::is_cancelled(&error), "{kind:?}: {error}");
            drop(encoder);
            assert!(start.elapsed().as_secs() < 5, "{kind:?}: {:?}", start.elapsed());
        }
    }
}
