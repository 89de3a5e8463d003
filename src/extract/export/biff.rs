//! The part of a BIFF .xls that holds the cells, checked and put alone into a compound file. Pure.
//!
//! The library takes memory for the rectangle that a sheet says it has, and for the one that its cells span: a file of a few
//! bytes could ask for all there is. So the stream is taken out of its compound file, what its sheets say of their size is
//! struck out, what their cells span is added up, and the library gets that stream and nothing else.
//! MS-CFB 2.2 to 2.6; MS-XLS 2.1.4, 2.4.28 (BoundSheet8), 2.4.90 (Dimensions), 2.5.13 (Cell).

use super::ExportError;

/// Cells that the rectangles of all sheets may have together: at 32 bytes a cell, 64 MiB.
const MAX_CELLS_SPANNED: u64 = 2_000_000;
const MAX_SHEETS: usize = 256;
/// From here on a sector number has another meaning: free, end of a chain, a part of the table itself.
const LAST_SECTOR: u32 = 0xFFFF_FFFA;
const END_OF_CHAIN: u32 = 0xFFFF_FFFE;
const FAT_SECTOR: u32 = 0xFFFF_FFFD;
const FREE: u32 = 0xFFFF_FFFF;
/// Streams below this lie in the mini stream.
const MINI_CUTOFF: usize = 4096;
const MINI_SECTOR: usize = 64;
/// Sectors of the file that is written.
const SECTOR: usize = 4096;

const DAMAGED: ExportError = ExportError::Damaged { container: "XLS" };

mod record {
    pub const EOF: u16 = 0x000A;
    pub const FILE_PASS: u16 = 0x002F;
    pub const BOUND_SHEET: u16 = 0x0085;
    pub const DIMENSIONS: u16 = 0x0200;
    pub const BLANK: u16 = 0x0201;
    pub const MUL_RK: u16 = 0x00BD;
    /// Formula, LabelSst, RString, Number, Label, BoolErr, Rk: each begins with row and column.
    pub const CELLS: [u16; 7] = [0x0006, 0x00FD, 0x00D6, 0x0203, 0x0204, 0x0205, 0x027E];
}

/// The compound file that is safe to read.
pub(super) fn checked(bytes: &[u8]) -> Result<Vec<u8>, ExportError> {
    let mut stream = Compound::open(bytes)?.workbook()?;
    let (globals_end, mut sheets) = globals(&stream)?;
    sheets.sort_unstable();
    let mut free_from = globals_end;
    let mut spanned = 0;
    for start in sheets {
        // Sheets within each other could change what the other was checked for.
        if start < free_from {
            return Err(DAMAGED);
        }
        free_from = sheet(&mut stream, start, &mut spanned)?;
    }
    Ok(compound(stream))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let two = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_le_bytes(*two))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes(*four))
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Kind, place of the data, and its length; `None` at the end.
fn record(stream: &[u8], at: usize) -> Option<(u16, usize, usize)> {
    let length = usize::from(u16_at(stream, at + 2)?);
    stream.get(at + 4..at + 4 + length)?;
    Some((u16_at(stream, at)?, at + 4, length))
}

/// Where the records that are of the whole workbook end, and where its sheets begin.
fn globals(stream: &[u8]) -> Result<(usize, Vec<usize>), ExportError> {
    let (mut at, mut sheets) = (0, Vec::new());
    while let Some((kind, data, length)) = record(stream, at) {
        at = data + length;
        match kind {
            record::EOF => return Ok((at, sheets)),
            record::FILE_PASS => return Err(ExportError::Encrypted),
            record::BOUND_SHEET => {
                sheets.push(index(u32_at(stream, data).ok_or(DAMAGED)?));
                if sheets.len() > MAX_SHEETS {
                    return Err(DAMAGED);
                }
            }
            _other => {}
        }
    }
    Err(DAMAGED)
}

/// Strikes out what the sheet says of its size and adds what its cells span; where it ends.
fn sheet(stream: &mut [u8], start: usize, spanned: &mut u64) -> Result<usize, ExportError> {
    let (mut at, mut depth) = (start, 0_usize);
    let mut corners: Option<[u64; 4]> = None;
    while let Some((kind, data, length)) = record(stream, at) {
        at = data + length;
        match kind {
            // A chart within the sheet is a stream of its own.
            0x0809 => depth += 1,
            record::EOF if depth <= 1 => {
                if let Some([top, bottom, left, right]) = corners {
                    *spanned += (bottom - top + 1) * (right - left + 1);
                }
                return match *spanned > MAX_CELLS_SPANNED {
                    true => Err(ExportError::TableTooLarge),
                    false => Ok(at),
                };
            }
            record::EOF => depth -= 1,
            record::DIMENSIONS => {
                if let Some(kind) = stream.get_mut(data - 4..data - 2) {
                    kind.copy_from_slice(&record::BLANK.to_le_bytes());
                }
            }
            kind if kind == record::MUL_RK || record::CELLS.contains(&kind) => {
                let number = |at| u16_at(stream, at).map(u64::from).ok_or(DAMAGED);
                let (row, column) = (number(data)?, number(data + 2)?);
                let last = match kind == record::MUL_RK {
                    true => number(data + length.max(2) - 2)?.max(column),
                    false => column,
                };
                let [top, bottom, left, right] = corners.unwrap_or([row, row, column, last]);
                corners = Some([
                    top.min(row),
                    bottom.max(row),
                    left.min(column),
                    right.max(last),
                ]);
            }
            _other => {}
        }
    }
    Err(DAMAGED)
}

/// A compound file being read.
struct Compound<'a> {
    bytes: &'a [u8],
    sector: usize,
    fat: Vec<u32>,
    directory: Vec<u8>,
}

impl<'a> Compound<'a> {
    fn open(bytes: &'a [u8]) -> Result<Self, ExportError> {
        let sector = match u16_at(bytes, 30) {
            Some(9) => 512,
            Some(12) => 4096,
            Some(_) | None => return Err(DAMAGED),
        };
        let mut file = Self {
            bytes,
            sector,
            fat: Vec::new(),
            directory: Vec::new(),
        };
        let most = bytes.len() / sector + 1;
        let mut parts: Vec<u32> = (0..109).filter_map(|n| u32_at(bytes, 76 + 4 * n)).collect();
        let mut more = u32_at(bytes, 68).ok_or(DAMAGED)?;
        for _ in 0..most {
            let Some(part) = file.at(more).filter(|_| more < LAST_SECTOR) else {
                break;
            };
            let links = sector / 4 - 1;
            parts.extend((0..links).filter_map(|n| u32_at(part, 4 * n)));
            more = u32_at(part, 4 * links).unwrap_or(END_OF_CHAIN);
        }
        for part in parts.into_iter().filter(|part| *part < LAST_SECTOR) {
            let part = file.at(part).unwrap_or_default();
            let entries = part.chunks_exact(4).filter_map(|entry| u32_at(entry, 0));
            file.fat.extend(entries);
            if file.fat.len() > most + sector {
                break;
            }
        }
        file.directory = file.chain(u32_at(bytes, 48).ok_or(DAMAGED)?)?;
        Ok(file)
    }

    /// The last one may be short.
    fn at(&self, number: u32) -> Option<&'a [u8]> {
        let start = index(number).checked_add(1)?.checked_mul(self.sector)?;
        let rest = self.bytes.get(start..)?;
        Some(rest.get(..self.sector).unwrap_or(rest))
    }

    fn chain(&self, start: u32) -> Result<Vec<u8>, ExportError> {
        let (mut data, mut next) = (Vec::new(), start);
        // A chain that comes back to itself is longer than the file.
        while next < LAST_SECTOR {
            data.extend_from_slice(self.at(next).ok_or(DAMAGED)?);
            if data.len() > self.bytes.len() {
                return Err(DAMAGED);
            }
            next = self.fat.get(index(next)).copied().ok_or(DAMAGED)?;
        }
        Ok(data)
    }

    /// First sector and size of the entry of this name.
    fn entry(&self, name: &str) -> Option<(u32, usize)> {
        let entry = self.directory.chunks_exact(128).find(|entry| {
            let written = entry.chunks_exact(2).map_while(|unit| u16_at(unit, 0));
            let written = written.take(32).take_while(|unit| *unit != 0);
            let written = char::decode_utf16(written).map_while(Result::ok);
            written.collect::<String>().eq_ignore_ascii_case(name)
        })?;
        Some((u32_at(entry, 116)?, index(u32_at(entry, 120)?)))
    }

    fn workbook(&self) -> Result<Vec<u8>, ExportError> {
        if self.entry("EncryptedPackage").is_some() {
            return Err(ExportError::Encrypted);
        }
        let found = self.entry("Workbook").or_else(|| self.entry("Book"));
        let (start, size) = found.ok_or(DAMAGED)?;
        let mut data = if size < MINI_CUTOFF {
            self.mini_chain(start)?
        } else {
            self.chain(start)?
        };
        data.truncate(size);
        Ok(data)
    }

    fn mini_chain(&self, start: u32) -> Result<Vec<u8>, ExportError> {
        let (root, _) = self.entry("Root Entry").ok_or(DAMAGED)?;
        let stream = self.chain(root)?;
        let fat = self.chain(u32_at(self.bytes, 60).ok_or(DAMAGED)?)?;
        let (mut data, mut next) = (Vec::new(), start);
        while next < LAST_SECTOR && data.len() < MINI_CUTOFF {
            let at = index(next).checked_mul(MINI_SECTOR).ok_or(DAMAGED)?;
            let rest = stream.get(at..).ok_or(DAMAGED)?;
            data.extend_from_slice(rest.get(..MINI_SECTOR).unwrap_or(rest));
            let link = index(next).checked_mul(4).ok_or(DAMAGED)?;
            next = u32_at(&fat, link).ok_or(DAMAGED)?;
        }
        Ok(data)
    }
}

/// A compound file (version 4) of one stream: its sectors, the directory, the table of sectors.
fn compound(mut stream: Vec<u8>) -> Vec<u8> {
    // Not a mini stream; records end before the filling.
    stream.resize(stream.len().max(MINI_CUTOFF).next_multiple_of(SECTOR), 0);
    let number = |count: usize| u32::try_from(count).unwrap_or(FREE);
    let used = stream.len() / SECTOR;
    let tables = (used + 1).div_ceil(SECTOR / 4 - 1);
    let mut file = vec![0_u8; SECTOR];
    let mut put = |at: usize, bytes: &[u8]| {
        if let Some(place) = file.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    };
    put(0, super::unpack::CFB);
    for (at, value) in [(24, 0x3E), (26, 4), (28, 0xFFFE), (30, 12), (32, 6)] {
        put(at, &u16::to_le_bytes(value));
    }
    let words = [
        (40, 1),
        (44, number(tables)),
        (48, number(used)),
        (56, 4096),
    ];
    let ends = [(60, END_OF_CHAIN), (68, END_OF_CHAIN)];
    for (at, value) in words.into_iter().chain(ends) {
        put(at, &u32::to_le_bytes(value));
    }
    for part in 0..109 {
        let sector = if part < tables {
            number(used + 1 + part)
        } else {
            FREE
        };
        put(76 + 4 * part, &sector.to_le_bytes());
    }
    let mut directory = vec![0_u8; SECTOR];
    for (at, name, kind, size) in [
        (0, "Root Entry", 5, 0),
        (128, "Workbook", 2, number(stream.len())),
    ] {
        let units = name.encode_utf16().flat_map(u16::to_le_bytes);
        let name: Vec<u8> = units.chain([0, 0]).collect();
        let length = u16::try_from(name.len()).unwrap_or_default();
        let fields: [(usize, &[u8]); 6] = [
            (0, &name),
            (64, &length.to_le_bytes()),
            (66, &[kind, 1]),
            (68, &[0xFF; 12]),
            (116, &0_u32.to_le_bytes()),
            (120, &size.to_le_bytes()),
        ];
        for (within, bytes) in fields {
            let at = at + within;
            if let Some(place) = directory.get_mut(at..at + bytes.len()) {
                place.copy_from_slice(bytes);
            }
        }
    }
    file.extend_from_slice(&stream);
    file.extend_from_slice(&directory);
    let mut table = Vec::new();
    for sector in 0..tables * (SECTOR / 4) {
        let entry = if sector + 1 < used {
            number(sector + 1)
        } else if sector <= used {
            END_OF_CHAIN
        } else if sector <= used + tables {
            FAT_SECTOR
        } else {
            FREE
        };
        table.extend_from_slice(&entry.to_le_bytes());
    }
    file.extend_from_slice(&table);
    file
}
