//! The result of a simulated boot.

use super::outcome::{Line, Outcome};
use super::report::{Conversation, Exchange, SkippedRule};
use super::scenario::Place;
use super::simulate::Simulation;
use crate::byte_text::to_text;
use crate::config::network::missing_patterns;
use crate::diagnose::environment::range_findings;
use crate::finding::Finding;
use crate::proxydhcp::DropReason;
use crate::reason::{ConfigReason, Reason, ReplyReason, Verdict};
use crate::wire::option_display::{mac, printable};

/// Skipped lines in a verdict.
const MAX_SKIPPED_RULES: usize = 3;
/// The port to which clients send (RFC 2131, section 4.1).
const CLIENTS_SERVER_PORT: u16 = 67;

impl Simulation<'_> {
    /// The report of the boot.
    pub fn end(self, kind: String) -> Conversation {
        let verdict = self.conclude();
        let is_elsewhere = self.is_elsewhere();
        Conversation {
            client: self.client.to_string(),
            is_ipxe: self.client.is_ipxe(),
            kind,
            architecture: self.architecture.0,
            architecture_name: self.architecture.name(),
            mac: mac(&self.client.mac),
            user_class: self.client.user_class.as_deref().map(printable),
            interface: self.scenario.name,
            server: self.scenario.server_address,
            address: self.scenario.client_address,
            observed: Vec::new(),
            assumed: self.scenario.assumed,
            exchanges: self.exchanges,
            boots: self.boots,
            verdict,
            is_elsewhere,
        }
    }

    fn conclude(&self) -> Outcome {
        let of_file = || self.boots.first().map(|boot| boot.verdict.clone());
        let outcome = self.other_port().or_else(|| self.outcome.clone()).or_else(of_file);
        let outcome = outcome.unwrap_or_else(|| self.no_file());
        if outcome.verdict == Verdict::DoesNotBoot {
            return outcome;
        }
        self.interface_down().unwrap_or_else(|| self.on_this_machine(outcome))
    }

    /// The result if the client sends its requests to another port. A relay may send them to any port.
    fn other_port(&self) -> Option<Outcome> {
        let port = self.environment.config.dhcp.server_port;
        let is_usual = port == CLIENTS_SERVER_PORT || self.client.relay.is_some();
        (!is_usual).then(|| Outcome::fails(ReplyReason::AlternatePort { port }))
    }

    /// The result for this machine, if the simulation has assumed an address that it does not have.
    fn on_this_machine(&self, outcome: Outcome) -> Outcome {
        let Place::NetworkElsewhere { interface, start, range } = &self.scenario.place else {
            return outcome;
        };
        let result = outcome.to_string();
        let reason =
            ReplyReason::NetworkElsewhere { interface: interface.clone(), start: *start, result };
        Outcome::unknown(reason).at(Line::of(range).as_ref())
    }

    /// The result if the interface is down.
    fn interface_down(&self) -> Option<Outcome> {
        let link = self.scenario.interfaces.by_index(self.scenario.index)?;
        let reason = ConfigReason::InterfaceDown { name: link.name.clone() };
        let line = self.environment.config.network.names(&link.name).and_then(Line::of);
        link.down.then(|| Outcome::fails(reason).at(line.as_ref()))
    }

    /// The result of a client that gets no reply, or a reply without a boot file.
    fn no_file(&self) -> Outcome {
        self.machine_decides().unwrap_or_else(|| self.fails_without_file())
    }

    fn fails_without_file(&self) -> Outcome {
        let last = self.exchanges.last();
        let lines = last.map(skipped_rules).unwrap_or_default();
        if let Some(reason) = last.and_then(|last| last.drop_reason.as_ref()) {
            return self.no_reply(reason, lines);
        }
        let architecture = self.architecture.to_string();
        Outcome::fails(ReplyReason::NoBootFile { architecture, lines })
    }

    fn no_reply(&self, reason: &DropReason, lines: String) -> Outcome {
        let why = reason.to_string();
        match reason {
            DropReason::Ignored(origin) => {
                Outcome::fails(ReplyReason::Ignored { why }).at(Line::of(origin).as_ref())
            }
            DropReason::NotPxe => Outcome::fails(ReplyReason::NotPxe { why }),
            DropReason::HttpBootClient => Outcome::fails(ReplyReason::HttpClassMissing),
            DropReason::NoPxeService => Outcome::fails(ReplyReason::NoService { why }),
            DropReason::NoRange(_) | DropReason::NoProxyRange => {
                Outcome::fails(ReplyReason::NoRange { why, lines }).at(self.range_for_tag())
            }
            DropReason::NotListening(..) => self.not_listening(why),
            DropReason::DhcpDisabled(_, by) => self.left_out(why).at(Line::of(by).as_ref()),
            _ => Outcome::fails(ReplyReason::NoReply { why, lines }),
        }
    }

    /// The line of a range for clients with a tag that this client does not have.
    fn range_for_tag(&self) -> Option<&Line> {
        let mut skipped = self.exchanges.last()?.skipped_rules.iter();
        let range =
            skipped.find(|rule| rule.keyword == "dhcp-range" && rule.missing_tag.is_some())?;
        Some(&range.line)
    }

    /// The result on an interface that is not listened on.
    fn not_listening(&self, why: String) -> Outcome {
        let network = &self.environment.config.network;
        let absent = missing_patterns(network, &self.scenario.interfaces);
        let only_absent = absent.len() == network.interfaces.len() && network.listen.is_empty();
        match absent.first().filter(|_| only_absent) {
            Some(first) => {
                let names: Vec<String> = absent.iter().map(|name| to_text(&name.value)).collect();
                let (names, here) = (names.join(", "), self.scenario.list_interfaces());
                let reason = ReplyReason::InterfaceMissing { names, here };
                Outcome::fails(reason).at(Line::of(&first.origin).as_ref())
            }
            None => self.left_out(why),
        }
    }

    /// The finding of `--test` about the interface, else the reason of the request.
    fn left_out(&self, why: String) -> Outcome {
        let name = format!("{} (", self.scenario.name);
        let findings = range_findings(&self.environment.config, &self.scenario.interfaces);
        let mut left_out = findings.into_iter().filter(|finding| {
            matches!(&finding.reason, Reason::Config(ConfigReason::InterfaceLeftOut { interface, .. })
                if interface.starts_with(&name))
        });
        match left_out.next() {
            Some(Finding { origin, reason, .. }) => {
                let line = origin.as_ref().and_then(Line::of);
                Outcome::fails(reason).at(line.as_ref())
            }
            None => Outcome::fails(ReplyReason::NotServed { why }),
        }
    }
}

/// The skipped lines that are the likeliest mistakes, as sentences after a sentence.
fn skipped_rules(last: &Exchange) -> String {
    if matches!(last.drop_reason, Some(DropReason::Ignored(_))) {
        return String::new();
    }
    let mut skipped: Vec<&SkippedRule> = last.skipped_rules.iter().collect();
    skipped.sort_by_key(|rule| rule.distance);
    let sentence = |rule: &SkippedRule| {
        let hints: String = rule.hints.iter().map(|hint| format!("; {hint}")).collect();
        format!(". {} ({}) {}{hints}", rule.line, rule.keyword, rule.reason)
    };
    skipped.into_iter().take(MAX_SKIPPED_RULES).map(sentence).collect()
}
