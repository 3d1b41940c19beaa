//! Lists the boot files that a dnsmasq.conf names: `cargo run -p conf-parser --example boot_files -- /etc/dnsmasq.conf`.

use conf_parser::{Boot, Directive, parse_file};
use std::error::Error;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args_os().nth(1).ok_or("usage: boot_files FILE")?;
    let content = fs::read(&path)?;
    for line in parse_file(&content) {
        let number = line.number;
        match line.setting.map(|setting| setting.directive) {
            Ok(Directive::DhcpBoot(boot)) => print(number, "dhcp-boot", &boot.file),
            Ok(Directive::PxeService(service)) => {
                if let Boot::File(file) = &service.boot {
                    print(number, "pxe-service", file);
                }
            }
            Ok(_) => {}
            Err(error) => eprintln!("line {number}: {error}\n{}", error.report(line.source)),
        }
    }
    Ok(())
}

fn print(number: usize, keyword: &str, file: &[u8]) {
    println!("line {number}: {keyword} {}", String::from_utf8_lossy(file));
}
