//! Programs for tests: an ELF of a few hundred bytes that asks for what a test wants, and runs nowhere.
//!
//! Its form is that of <https://refspecs.linuxfoundation.org/elf/gabi4+/contents.html>, the versions that it needs that
//! of <https://refspecs.linuxfoundation.org/LSB_5.0.0/LSB-Core-generic/LSB-Core-generic/symversion.html>.

/// The loader of glibc on x86_64.
pub const X86_64_LOADER: &str = "/lib64/ld-linux-x86-64.so.2";

/// A program to be.
#[derive(Debug, Clone, Copy)]
pub struct Sample<'a> {
    /// `e_machine`: 0x3e is x86_64, 0xb7 arm64.
    pub machine: u16,
    /// The loader that it names; empty for none, as in a static program.
    pub loader: &'a str,
    /// The version of `libc.so.6` that it needs; empty for none.
    pub version: &'a str,
}

impl Default for Sample<'_> {
    /// What Lambda loads on x86_64.
    fn default() -> Self {
        Self { machine: 0x3e, loader: X86_64_LOADER, version: "GLIBC_2.34" }
    }
}

const HEADER: usize = 64;
const PROGRAM_HEADER: usize = 56;

impl Sample<'_> {
    /// The program.
    pub fn bytes(&self) -> Vec<u8> {
        let names = format!("\0libc.so.6\0{}\0", self.version).into_bytes();
        let section_names = b"\0.dynstr\0.gnu.version_r\0.shstrtab\0";
        let loader = format!("{}\0", self.loader).into_bytes();
        // One library, with one version.
        let mut needs: Vec<u8> = Vec::new();
        if !self.version.is_empty() {
            put(&mut needs, &[(1, 2), (1, 2), (1, 4), (16, 4), (0, 4)]);
            put(&mut needs, &[(0, 4), (0, 2), (2, 2), (11, 4), (0, 4)]);
        }
        let loader_at = HEADER + PROGRAM_HEADER;
        let names_at = loader_at + loader.len();
        let needs_at = names_at + names.len();
        let section_names_at = needs_at + needs.len();
        let sections_at = section_names_at + section_names.len();
        let has_loader = u64::from(!self.loader.is_empty());

        let mut all = b"\x7fELF\x02\x01\x01".to_vec();
        all.resize(16, 0);
        put(&mut all, &[(3, 2), (u64::from(self.machine), 2), (1, 4), (0, 8), (HEADER as u64, 8)]);
        put(&mut all, &[(sections_at as u64, 8), (0, 4), (64, 2), (56, 2), (has_loader, 2), (64, 2)]);
        put(&mut all, &[(4, 2), (3, 2)]);
        // PT_INTERP.
        put(&mut all, &[(3, 4), (4, 4), (loader_at as u64, 8), (0, 8), (0, 8), (loader.len() as u64, 8)]);
        put(&mut all, &[(loader.len() as u64, 8), (1, 8)]);
        all.extend(loader);
        all.extend(&names);
        all.extend(&needs);
        all.extend(section_names);
        all.resize(sections_at + 64, 0);
        // Where a section's name stands, its kind, place, size, and to which it belongs.
        let strings = 3;
        let version_needs = 0x6fff_fffe;
        let mut section = |name: u64, kind: u64, at: usize, size: usize, link: u64, info: u64| {
            put(&mut all, &[(name, 4), (kind, 4), (0, 8), (0, 8), (at as u64, 8), (size as u64, 8)]);
            put(&mut all, &[(link, 4), (info, 4), (1, 8), (0, 8)]);
        };
        section(1, strings, names_at, names.len(), 0, 0);
        section(9, version_needs, needs_at, needs.len(), 1, 1);
        section(24, strings, section_names_at, section_names.len(), 0, 0);
        all
    }
}

/// Appends numbers, each with as many bytes.
fn put(all: &mut Vec<u8>, numbers: &[(u64, usize)]) {
    for (number, size) in numbers {
        all.extend(&number.to_le_bytes()[..*size]);
    }
}
