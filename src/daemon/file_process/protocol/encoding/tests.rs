use super::*;

fn requests() -> Vec<Request> {
    let lookup = |id, kind, name: &[u8]| Lookup { id, kind, root: 3, name: name.to_vec() };
    let inspected = |reason| InspectedFile {
        root: 1,
        name: b"a/b".to_vec(),
        reason,
        is_configured: reason == RefusalReason::NotFound,
    };
    vec![
        Request::Lookups(vec![
            lookup(1, LookupKind::File, b"pxelinux.0"),
            lookup(u32::MAX, LookupKind::Directory, b""),
        ]),
        Request::ReadConfig,
        Request::Inspect {
            id: 7,
            files: vec![
                inspected(RefusalReason::NotFound),
                inspected(RefusalReason::PermissionDenied),
            ],
        },
        Request::ExamineProgram(ExaminedProgram {
            id: 8,
            root: 1,
            name: b"efi/a.efi".to_vec(),
            client: Client { architecture: Architecture(11), is_ipxe: true },
        }),
        Request::ListDirectory { root: 1, name: b"a/b".to_vec(), unused: vec![1, i32::MAX] },
        Request::ListDirectory { root: 0, name: Vec::new(), unused: Vec::new() },
        Request::ReopenLog,
        Request::ConnectSyslog,
        Request::RemovePidFile,
        Request::StatusWritten(7),
        Request::StartControl,
        Request::StopControl,
        Request::ServeConnection,
    ]
}

fn replies() -> Vec<Reply> {
    let facts = FileFacts {
        device: 5,
        version: [1, -2, 3, i64::MAX, 5],
        size: u64::MAX,
        is_regular: true,
        is_directory: false,
        is_in_memory: true,
        is_name_reported: true,
    };
    let outcomes = [
        Outcome::File(facts),
        Outcome::NotFound,
        Outcome::Denied,
        Outcome::Failed(40),
        Outcome::Directory(true),
        Outcome::Directory(false),
        Outcome::Dropped,
    ];
    let results = outcomes.map(|outcome| LookedUp { id: 9, outcome }).to_vec();
    let cause = |text: &str| Cause { file: 2, text: text.to_owned() };
    vec![
        Reply::StatusRequested(7),
        Reply::ControlConnection(b"{}".to_vec()),
        Reply::LookedUp { batch_done: true, results },
        Reply::LookedUp { batch_done: false, results: Vec::new() },
        Reply::Config { size: 1 << 40, unwatched: vec![Unwatched { index: 3, error: 28 }] },
        Reply::ConfigOutdated,
        Reply::Started(Started {
            restrictions: "Landlock 6".to_owned(),
            missing_roots: vec![0, 3],
        }),
        Reply::Failed(3, "no".to_owned()),
        Reply::Changed(0),
        Reply::Inspected { id: 1, cause: None },
        Reply::Inspected { id: 1, cause: Some(cause("")) },
        Reply::Inspected { id: 1, cause: Some(cause("/srv/Ä (differs in case)")) },
        Reply::ProgramExamined { id: 8, reason: None },
        Reply::ProgramExamined { id: 8, reason: Some("/srv/Ä is empty".to_owned()) },
        Reply::DirectoryListed(ListedDirectory { watches: vec![1, 2, 3], end: Some(9) }, 1 << 20),
        Reply::DirectoryListed(ListedDirectory { watches: vec![1], end: Some(0) }, 0),
        Reply::DirectoryListed(ListedDirectory::default(), 0),
        Reply::LogOpened(13),
        Reply::SyslogConnected(0),
        Reply::PidFileRemoved,
    ]
}

#[test]
fn messages_are_decoded_as_encoded() {
    for request in requests() {
        assert_eq!(Request::decode(&request.encode()), Some(request));
    }
    for reply in replies() {
        assert_eq!(Reply::decode(&reply.encode()), Some(reply));
    }
}

#[test]
fn message_that_is_cut_or_changed_does_no_harm() {
    let encoded = requests().iter().map(Request::encode).collect::<Vec<_>>();
    for bytes in encoded.into_iter().chain(replies().iter().map(Reply::encode)) {
        for length in 0..bytes.len() {
            let _ = (Request::decode(&bytes[..length]), Reply::decode(&bytes[..length]));
        }
        for index in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[index] ^= 0xff;
            let _ = (Request::decode(&changed), Reply::decode(&changed));
        }
    }
    assert_eq!(Request::decode(&[]), None);
    assert_eq!(Request::decode(&[kind::LOOKUPS, 1, 0, 0, 0, 0, 0, 0, 9, 0, b'a']), None);
    assert_eq!(Reply::decode(&[0]), None);
}
