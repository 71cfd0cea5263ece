//! Every bound of the language, each with its reason. At a bound a policy is refused in words.

/// Files in one policy: ten per team in an organization of some hundred teams.
pub(crate) const FILES_MAX: usize = 4096;
/// Bytes of one file: about 100,000 clients with every field. Far below where 32-bit places end.
pub(crate) const FILE_BYTES_MAX: usize = 32 << 20;
/// Bytes of all files: what a sidecar of modest memory can hold as a tree beside the policy in
/// force.
pub(crate) const POLICY_BYTES_MAX: usize = 64 << 20;
/// Nesting of brackets. The language itself needs eight; the readers recurse, so there is an end.
pub(crate) const DEPTH_MAX: usize = 32;
/// Folders in folders, when a directory is read.
pub(crate) const FOLDER_DEPTH_MAX: usize = 8;

/// Errors that are kept and shown; the rest is counted. Nobody reads a thousand.
pub(crate) const ERRORS_MAX: usize = 1000;
/// Comparisons that the search for near names may make in one run. It is a courtesy, and must not
/// turn a file of made-up names into minutes of work.
pub(crate) const NEAR_COMPARISONS_MAX: usize = 200_000;
/// Characters of a value that an error quotes.
pub(crate) const QUOTE_CHARS_MAX: usize = 60;
/// Bytes of a source line that are kept for an error. A place behind them is named, not shown.
pub(crate) const LINE_BYTES_MAX: usize = 4096;

/// Characters of a purpose, an owner, an organization's name: a sentence, not a page.
pub(crate) const TEXT_CHARS_MAX: usize = 200;
/// Hosts of one service.
pub(crate) const HOSTS_MAX: usize = 64;
/// Routes of one service. Each request tries them in order, and each is compared with all before
/// it.
pub(crate) const ROUTES_MAX: usize = 256;
/// Bytes of the services as the plugin is told them: half of the longest answer that it reads,
/// because clients and leases travel in the same one.
pub(crate) const PLUGIN_BYTES_MAX: usize = wire::frame::REPLY_BYTES_MAX / 2;
/// Bytes of a header's or a parameter's name, and of a prefix.
pub(crate) const INJECT_BYTES_MAX: usize = 64;
/// Bytes of a cluster's name.
pub(crate) const CLUSTER_BYTES_MAX: usize = 255;
/// The largest number in a limit: beyond it a typing error is likelier than a wish.
pub(crate) const AMOUNT_MAX: u64 = 1_000_000_000_000;

/// Bytes of a model's name: as many as the meter keeps of an answer's.
pub(crate) const MODEL_BYTES_MAX: usize = 128;
/// Other names of one model: dated ones, and those of regions.
pub(crate) const OTHER_NAMES_MAX: usize = 64;
/// Models that one use may name.
pub(crate) const MODELS_MAX: usize = 256;
/// Sizes of prompts with prices of their own; providers have one or two.
pub(crate) const TIERS_MAX: usize = 8;
/// Ways to be served with prices of their own.
pub(crate) const VARIANTS_MAX: usize = 16;
/// Bytes of what an answer says of how it was served.
pub(crate) const SERVED_BYTES_MAX: usize = 64;
/// Tokens of a prompt, and of an answer: thousands of times what models take.
pub(crate) const PROMPT_TOKENS_MAX: u64 = 1_000_000_000;
/// Bytes that are counted as one step: a gigabyte is more than any provider rounds to.
pub(crate) const STEP_BYTES_MAX: u64 = 1_000_000_000;
/// Statuses and ranges of them that a route names as billed.
pub(crate) const BILLABLE_MAX: usize = 32;
/// Keys on the way to a number in a JSON body: what the meter follows.
pub(crate) const PATH_KEYS_MAX: usize = 8;
/// Bytes of one key on that way.
pub(crate) const PATH_KEY_BYTES_MAX: usize = 64;
/// Budgets from the outermost to the one that is charged: each call is counted in all of them.
pub(crate) const BUDGET_LEVELS_MAX: usize = 8;
/// Percentages at which one budget warns.
pub(crate) const ALERTS_MAX: usize = 16;
/// The largest of them: ten times the cap.
pub(crate) const ALERT_PERCENT_MAX: u16 = 1_000;
