//! `--explain` agrees with the running program: for each configuration and each client, the verdict of `--explain` is
//! compared with what a simulated client gets by DHCP and TFTP.
//!
//! `PXEMASQ_CONFIGS=DIR` replaces the configurations of this directory by the `*.conf` files of another one. The lab
//! then creates the interface, the TFTP root and the boot files that a file names. `PXEMASQ_ALL_PAIRS=1` prints both results
//! for each client. With `PXEMASQ_SUBJECT=theirs` the clients boot from the installed dnsmasq.

#[path = "../common/mod.rs"]
mod common;

mod client;
mod explain;
mod guess;
mod program;
mod reply;
mod report;
mod scene;
mod start;

use client::{CLIENTS, Client};
use common::lab::Lab;
use common::required;
use report::{Pair, Report};
use scene::{Config, Files, Scene};

crate::tests![explain_and_a_client_have_the_same_result];

fn main() -> std::process::ExitCode {
    common::harness::run(&[TESTS, start::TESTS])
}

fn explain_and_a_client_have_the_same_result() {
    let Some(lab) = required(Lab::new(["server", "client"])) else { return };
    let mut scene = Scene::new(&lab);
    let configs = scene::configs();
    let mut report = Report::default();
    compare(&mut scene, &configs, Files::AsNamed, &mut report);
    // Some configurations of this project are about missing files.
    if !configs.iter().any(|config| config.is_own) {
        compare(&mut scene, &configs, Files::Missing, &mut report);
    }
    report.end();
}

fn compare(scene: &mut Scene, configs: &[Config], files: Files, report: &mut Report) {
    for config in configs {
        let Some(running) = scene.set_up(config, files) else {
            assert!(!config.is_own, "{} does not start", config.name);
            report.skipped.insert(config.name.clone());
            continue;
        };
        for (number, kind) in CLIENTS.iter().enumerate() {
            let address = scene.client_address(number);
            let client = Client { scene, running: &running, kind, address };
            report.add(pair(config, &client, files));
        }
    }
}

fn pair(config: &Config, client: &Client, files: Files) -> Pair {
    let explained = explain::run(client.scene, &client.description());
    let config = match files {
        Files::AsNamed => config.name.clone(),
        Files::Missing => format!("{} without boot files", config.name),
    };
    Pair { config, client: client.kind.name, explained, got: client.boot() }
}
