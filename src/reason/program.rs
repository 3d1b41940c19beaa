//! Reasons why a boot file does not fit the firmware of the client.

reasons! {
    /// Why a boot file does not fit the firmware.
    pub enum ProgramReason {
        Empty { path: String } = "program-empty", "{path} is empty";
    }
}
