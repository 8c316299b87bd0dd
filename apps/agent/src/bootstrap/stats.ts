// Which statistics a proxy keeps: the standard metrics and what health needs; the default would cost it a tenth of a core.
type Json = Readonly<Record<string, unknown>>;

const prefixes = [
  'istio_',
  'server.',
  'listener_manager.',
  'cluster_manager.',
  'overload.',
  'http.agent.',
  'workers.',
  'mongo.',
  // Metrics that Wasm filters define, how their machines are, and how filters arrive.
  'wasmcustom.',
  'wasm.',
  'extension_config_discovery.',
  'redis.',
  // Whether records of calls got lost on their way to the agent.
  'access_logs.grpc_access_log.',
];

/** Whole names, as RE2. */
const names = [
  'cluster\\.(.*\\.)?(upstream_rq_(total|active|completed|timeout|pending_overflow|pending_active|retry|retry_success|retry_overflow|rx_reset|tx_reset|[1-5]xx)|upstream_cx_(total|active|connect_fail|connect_timeout|overflow|destroy_with_active_rq|rx_bytes_total|tx_bytes_total)|membership_(total|healthy)|lb_healthy_panic|update_success|update_rejected)',
  'cluster\\..*\\.ssl\\.(handshake|connection_error|fail_verify_.*)',
  'listener\\..*\\.(downstream_cx_(total|active|overflow)|ssl\\.(handshake|connection_error|fail_verify_.*)|no_filter_chain_match)',
  'http\\..*\\.(downstream_rq_(total|active|[1-5]xx)|downstream_cx_(total|active)|on_demand_.*|rds\\..*\\.(update_success|update_rejected))',
  'udp\\..*\\.(downstream_sess_(total|active|no_route|rx_datagrams|tx_datagrams|rx_errors)|idle_timeout|session_tunnel_(success|failure))',
  // What policies would decide that are only tried.
  '(http\\..*\\.|tcp\\.)rbac\\.istio_dry_run_.*',
  'sds\\..*\\.(update_success|update_rejected|version_text)',
  '.*\\.(vhds|rds|eds)\\..*(update_success|update_rejected)',
];

/** Istio's buckets. */
const milliseconds = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000,
  3_600_000,
];
const bytes = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000];

const buckets = (prefix: string, bounds: readonly number[]): Json => ({ match: { prefix }, buckets: bounds });

export const statsConfig: Json = {
  use_all_default_tags: true,
  stats_matcher: {
    inclusion_list: {
      patterns: [
        ...prefixes.map((prefix) => ({ prefix })),
        ...names.map((regex) => ({ safe_regex: { regex } })),
      ],
    },
  },
  histogram_bucket_settings: [
    buckets('istio_request_duration_milliseconds', milliseconds),
    buckets('istio_request_bytes', bytes),
    buckets('istio_response_bytes', bytes),
  ],
};
