//! Checks of a boot file: whether its server is known, and whether this server sends it to the client.

use super::outcome::{Line, Outcome};
use super::received_reply::ReceivedReply;
use super::report::{BootFile, LoadedIpxe};
use super::scenario::Place;
use super::simulate::{NO_SERVER, OTHER_MACHINE, Simulation};
use crate::byte_text::{path_text, to_bytes, to_text};
use crate::config::{Rule, Service, Tftp};
use crate::diagnose::boot_file::{self, FileCheck, FileRequest};
use crate::diagnose::boot_program::{
    Client, Comparison, EmbeddedScript, Fit, Format, Ipxe, compare, identify,
};
use crate::diagnose::environment::tftp_interfaces;
use crate::diagnose::port_owner::PortOwner;
use crate::net::ReceivedDatagram;
use crate::reason::{ConfiguredFile, ReplyReason};
use crate::tftp;
use crate::wire::options::contains;
use crate::wire::pxe::is_ipxe;
use conf_parser::Boot;
use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

const CLIENT_TFTP_PORT: u16 = 2000;
/// Bytes of the field `file` without its end (RFC 2131, section 2).
const MAX_NAME: usize = 127;
/// A build of iPXE that has an embedded script, which its compressed variants do not show.
const NETBOOT_XYZ: &[u8] = b"netboot.xyz";

impl Simulation<'_> {
    /// Checks the file that a reply names, as the client would load it.
    pub fn check_boot_file(&mut self, reply: &ReceivedReply, entry: Option<String>) {
        if reply.file.is_empty() {
            return;
        }
        let name = to_text(&reply.file);
        let placeholder = Outcome::unknown(ReplyReason::BootsFile { name: name.clone() });
        let mut boot = BootFile::of(&name, NO_SERVER, entry, placeholder);
        boot.keyword = reply.file_keyword;
        let outcome = self.boot_outcome(reply, &name, &mut boot);
        boot.verdict = outcome.at(reply.file_line.as_ref());
        self.boots.push(boot);
    }

    fn boot_outcome(&self, reply: &ReceivedReply, name: &str, boot: &mut BootFile) -> Outcome {
        let len = reply.file.len();
        if len > MAX_NAME {
            return Outcome::fails(ReplyReason::NameTooLong { len, max: MAX_NAME });
        }
        if name.contains("://") || self.is_http_boot() {
            return self.url_outcome(reply, name, boot);
        }
        match self.server_of(reply, name) {
            Ok(server) => self.file_outcome(&reply.file, server, boot),
            Err(outcome) => *outcome,
        }
    }

    /// A URL. Firmware loads one only by UEFI HTTP Boot.
    fn url_outcome(&self, reply: &ReceivedReply, url: &str, boot: &mut BootFile) -> Outcome {
        let lower = url.to_ascii_lowercase();
        if let Some((_, rest)) = url.split_once("://") {
            rest.split('/').next().unwrap_or_default().clone_into(&mut boot.server);
        }
        if self.is_http_boot() {
            let is_http = lower.starts_with("http://") || lower.starts_with("https://");
            if !is_http {
                NO_SERVER.clone_into(&mut boot.server);
                return Outcome::fails(ReplyReason::UrlRequired { name: url.to_owned() });
            }
        } else if !self.client.is_ipxe() {
            return Outcome::fails(ReplyReason::UrlForFirmware);
        } else if let Err(outcome) = self.server_of(reply, url) {
            return *outcome;
        }
        let local =
            lower.strip_prefix("tftp://").and_then(|_| url["tftp://".len()..].split_once('/'));
        if let Some((host, name)) = local
            && let Ok(server) = host.parse()
        {
            return self.file_outcome(&to_bytes(name), server, boot);
        }
        Outcome::unknown(ReplyReason::OtherUrl { url: url.to_owned() })
    }

    /// The server from which the client loads the file. Without one in the reply UEFI takes the sender of the reply; iPXE
    /// ignores the reply. What BIOS firmware does depends on the firmware: that of most virtual machines is iPXE.
    fn server_of(&self, reply: &ReceivedReply, name: &str) -> Result<Ipv4Addr, Box<Outcome>> {
        let server = reply.next_server;
        if !server.is_unspecified() {
            return Ok(server);
        }
        if self.architecture.is_efi() && !self.client.is_ipxe() {
            return Ok(reply.server_id);
        }
        Err(Box::new(match &reply.warning {
            Some(warning) if self.may_resolve_names() => {
                Outcome::unknown(ReplyReason::NameElsewhere { warning: warning.clone() })
            }
            Some(warning) => {
                Outcome::fails(ReplyReason::ServerNameUnknown { warning: warning.clone() })
            }
            None => {
                let (name, server) = (name.to_owned(), self.scenario.server_address);
                if self.client.is_ipxe() {
                    Outcome::fails(ReplyReason::NoServerAddress { name, server })
                } else {
                    Outcome::unknown(ReplyReason::NoServerAddressForBios { name, server })
                }
            }
        }))
    }

    /// Whether the server, if it is another machine, may resolve names that this machine does not. With `port=0` dnsmasq
    /// reads no hosts files.
    fn may_resolve_names(&self) -> bool {
        self.is_elsewhere() && self.environment.config.process.dns_port != 0
    }

    /// Whether the server is another machine, so that files and programs of this one show little.
    pub fn is_elsewhere(&self) -> bool {
        self.scenario.place == Place::Elsewhere
    }

    fn file_outcome(&self, name: &[u8], server: Ipv4Addr, boot: &mut BootFile) -> Outcome {
        if server.is_loopback() {
            boot.server = server.to_string();
            return Outcome::fails(ReplyReason::LoopbackServer { server });
        }
        match self.tftp_of(&to_text(name), server) {
            Ok(tftp) => {
                boot.server = server.to_string();
                self.local_file(name, &tftp, boot)
            }
            Err(outcome) => {
                boot.server = if self.is_ours(server) {
                    server.to_string()
                } else {
                    format!("{server}, {OTHER_MACHINE}")
                };
                // Only the name shows that it is iPXE.
                boot.ipxe = is_ipxe(name).then_some(LoadedIpxe::Unknown);
                *outcome
            }
        }
    }

    /// The settings of TFTP, if this program serves it to the client on that address.
    pub fn tftp_of(&self, name: &str, server: Ipv4Addr) -> Result<Arc<Tftp>, Box<Outcome>> {
        let name = || name.to_owned();
        if !self.is_ours(server) {
            let reason = ReplyReason::OtherServer { name: name(), server };
            return Err(Box::new(Outcome::unknown(reason)));
        }
        let Some(tftp) = &self.environment.config.tftp else {
            return Err(Box::new(self.other_tftp(name(), server)));
        };
        if !self.accepts_tftp(tftp, server) {
            let interface = self.scenario.name.clone();
            let line = Line::of(&tftp.enabled);
            let (config, here) = (&self.environment.config, &self.scenario.interfaces);
            let absent = tftp_interfaces(config, here).into_iter().next();
            let outcome = match (absent, &tftp.interfaces) {
                (Some(finding), _) => Outcome::fails(finding.reason),
                (None, Some(_)) => Outcome::fails(ReplyReason::TftpOtherInterface { interface }),
                (None, None) => Outcome::fails(ReplyReason::TftpLeftOut { interface }),
            };
            return Err(Box::new(outcome.at(line.as_ref())));
        }
        Ok(Arc::clone(tftp))
    }

    /// The result without `enable-tftp`.
    fn other_tftp(&self, name: String, server: Ipv4Addr) -> Outcome {
        if self.is_elsewhere() {
            return Outcome::unknown(ReplyReason::TftpElsewhere { name, server });
        }
        let program = match (self.environment.tftp_port)(server) {
            PortOwner::Nothing => {
                return Outcome::fails(ReplyReason::TftpMissing { name, server });
            }
            PortOwner::Process(program) => program,
            PortOwner::Invisible => "a program that is not visible to this user".to_owned(),
        };
        Outcome::unknown(ReplyReason::OtherProgram { name, server, program })
    }

    fn accepts_tftp(&self, tftp: &Tftp, server: Ipv4Addr) -> bool {
        let datagram = ReceivedDatagram {
            bytes: &[],
            peer: (self.scenario.client_address, CLIENT_TFTP_PORT).into(),
            local: server.into(),
            interface: self.scenario.index,
        };
        let network = &self.environment.config.network;
        tftp::accepts(tftp, network, &self.scenario.interfaces, &datagram)
    }

    /// Checks a file as the TFTP server would open it.
    fn local_file(&self, name: &[u8], tftp: &Tftp, boot: &mut BootFile) -> Outcome {
        boot.root = self.root_line(tftp);
        if let Some(outcome) = self.absent_root(&to_text(name), tftp) {
            return outcome;
        }
        let check = self.check(name, tftp);
        boot.path = Some(path_text(&check.path));
        match check.file {
            Ok(size) => boot.size = Some(size),
            Err(reason) => {
                let name = Some(to_text(name)).filter(|_| self.has_layer_suffix(name));
                return Outcome::fails(ConfiguredFile::new(boot.keyword, reason, name.as_deref()));
            }
        }
        self.program_outcome(name, &check.path, boot)
    }

    /// Whether the client starts the program. One that cannot be read here is judged by its name.
    fn program_outcome(&self, name: &[u8], path: &Path, boot: &mut BootFile) -> Outcome {
        let client = Client { architecture: self.architecture, is_ipxe: self.client.is_ipxe() };
        let by_name = is_ipxe(name).then_some(LoadedIpxe::Unknown);
        let boots = Outcome::boots(ReplyReason::BootsFile { name: boot.name.clone() });
        let Ok(program) = identify(path) else {
            boot.ipxe = by_name;
            return boots;
        };
        boot.ipxe = match program.ipxe {
            Some(ipxe) => Some(self.script_of(ipxe, name)),
            None if matches!(program.format, Format::Unrecognised | Format::Efi(_)) => by_name,
            None => None,
        };
        let Comparison { fit, hint } = compare(&program, path, client);
        boot.hint = hint.map(|hint| hint.to_string());
        match fit {
            Fit::Fits => boots,
            Fit::DoesNotFit(reason) => Outcome::fails(reason),
            Fit::Unknown(Some(reason)) => Outcome::unknown(reason),
            Fit::Unknown(None) => {
                let (name, client) = (boot.name.clone(), client.to_string());
                Outcome::unknown(ReplyReason::FitNotKnown { name, client })
            }
        }
    }

    /// Whether iPXE runs a script of its own: an embedded one, or `autoexec.ipxe` of the same directory.
    fn script_of(&self, ipxe: Ipxe, name: &[u8]) -> LoadedIpxe {
        let has_autoexec = || {
            let directory =
                name.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
            let autoexec = [&name[..directory], b"autoexec.ipxe"].concat();
            let tftp = self.environment.config.tftp.as_deref();
            tftp.is_some_and(|tftp| self.check(&autoexec, tftp).file.is_ok())
        };
        let has_known_script = contains(name, NETBOOT_XYZ);
        match ipxe.script {
            EmbeddedScript::Present => LoadedIpxe::Scripted,
            EmbeddedScript::Unknown if has_known_script => LoadedIpxe::Scripted,
            EmbeddedScript::Unknown => LoadedIpxe::Unknown,
            EmbeddedScript::Absent if ipxe.loads_autoexec && has_autoexec() => LoadedIpxe::Scripted,
            EmbeddedScript::Absent => LoadedIpxe::Plain,
        }
    }

    /// The check of a file for this client.
    pub fn check(&self, name: &[u8], tftp: &Tftp) -> FileCheck {
        let interface = &*self.scenario.name;
        let mac = self.client.mac[..].try_into().ok();
        let request =
            FileRequest { name, interface, client: self.scenario.client_address.into(), mac };
        boot_file::check_request(request, tftp, self.environment.identity.as_ref())
    }

    /// The result if the server is another machine, and its root does not exist on this one.
    pub fn absent_root(&self, name: &str, tftp: &Tftp) -> Option<Outcome> {
        let root = self.root(tftp).filter(|_| self.is_elsewhere())?;
        let path = Path::new("/").join(OsStr::from_bytes(root));
        let error = fs::metadata(&path).err()?;
        let reason = ReplyReason::RootElsewhere { name: name.to_owned(), root: path_text(&path) };
        (error.kind() == ErrorKind::NotFound).then(|| Outcome::unknown(reason))
    }

    /// The root for the interface.
    fn root<'t>(&self, tftp: &'t Tftp) -> Option<&'t [u8]> {
        let interface = to_bytes(&self.scenario.name);
        let own = tftp.interface_roots.iter().find(|root| root.value.0 == *interface);
        let own = own.map(|root| &*root.value.1);
        own.or(tftp.root.as_ref().map(|root| &*root.value))
    }

    fn root_line(&self, tftp: &Tftp) -> Option<Line> {
        let interface = to_bytes(&self.scenario.name);
        let own = tftp.interface_roots.iter().find(|root| root.value.0 == *interface);
        let own = own.map(|root| &root.origin);
        own.or(tftp.root.as_ref().map(|root| &root.origin)).cloned().map(Line)
    }

    /// Whether the suffix `.0` was added to a name of a `pxe-service` line.
    fn has_layer_suffix(&self, name: &[u8]) -> bool {
        let base = name.strip_suffix(b".0").unwrap_or_default();
        let names_base =
            |rule: &Rule<Service>| matches!(&rule.value.boot, Boot::File(file) if file == base);
        self.environment.config.dhcp.services.iter().any(names_base)
    }
}
