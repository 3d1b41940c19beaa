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

crate::tests![
    explain_and_a_client_have_the_same_result,
    explain_and_a_client_have_the_same_result_without_boot_files,
];

fn main() -> std::process::ExitCode {
    common::harness::run(&[TESTS, start::TESTS])
}

fn explain_and_a_client_have_the_same_result() {
    compare(Files::AsNamed);
}

fn explain_and_a_client_have_the_same_result_without_boot_files() {
    compare(Files::Missing);
}

fn compare(files: Files) {
    let Some(lab) = required(Lab::new(["server", "client"])) else { return };
    let mut scene = Scene::new(&lab);
    let mut report = Report::default();
    for config in scene::configs() {
        match scene.set_up(&config, files) {
            Some(running) => {
                for (number, kind) in CLIENTS.iter().enumerate() {
                    let address = scene.client_address(number);
                    let client = Client { scene: &scene, running: &running, kind, address };
                    report.add(pair(&config, &client));
                }
            }
            None if config.is_own => panic!("{} does not start", config.name),
            None => report.skipped.push(config.name.clone()),
        }
    }
    report.end(&format!("files {files:?}"));
}

fn pair(config: &Config, client: &Client) -> Pair {
    let explained = explain::run(client.scene, &client.description());
    let (config, kind) = (config.name.clone(), client.kind.name);
    Pair { config, client: kind, explained, got: client.boot() }
}
