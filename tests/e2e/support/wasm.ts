// A Wasm filter written by hand against the interface of proxies: it says its configuration in headers, counts requests, and shows its environment.
import { createHash } from 'node:crypto';
import wabt from 'wabt';

/** What the filter does with a request. `break`: it traps. */
export type FilterBehaviour = 'mark' | 'break';

const onRequest: Readonly<Record<FilterBehaviour, string>> = {
  mark: `
    (drop (call $increment (global.get $metric) (i64.const 1)))
    (drop (call $add (i32.const 0) (i32.const 48) (i32.const 12) (global.get $config) (global.get $length)))`,
  break: '(unreachable)',
};

/** Texts are at fixed places; what the host gives is allocated behind them and never freed. */
const source = (behaviour: FilterBehaviour): string => `(module
  (import "env" "proxy_get_buffer_bytes" (func $buffer (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_define_metric" (func $define (param i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_increment_metric" (func $increment (param i32 i64) (result i32)))
  (import "wasi_snapshot_preview1" "environ_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $environ (param i32 i32) (result i32)))
  (memory (export "memory") 4)
  (data (i32.const 0) "x-wasm")
  (data (i32.const 16) "x_wasm_requests")
  (data (i32.const 32) "x-wasm-env")
  (data (i32.const 48) "x-wasm-order")
  (global $free (mut i32) (i32.const 4096))
  (global $config (mut i32) (i32.const 0))
  (global $length (mut i32) (i32.const 0))
  (global $metric (mut i32) (i32.const 0))
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param $size i32) (result i32)
    (global.get $free)
    (global.set $free (i32.and (i32.add (i32.add (global.get $free) (local.get $size)) (i32.const 15)) (i32.const -8))))
  (func (export "proxy_on_context_create") (param i32 i32))
  (func (export "proxy_on_vm_start") (param i32 i32) (result i32) (i32.const 1))
  (func (export "proxy_on_configure") (param $context i32) (param $size i32) (result i32)
    (if (local.get $size) (then
      (drop (call $buffer (i32.const 7) (i32.const 0) (local.get $size) (i32.const 64) (i32.const 68)))
      (global.set $config (i32.load (i32.const 64)))
      (global.set $length (i32.load (i32.const 68)))))
    (drop (call $define (i32.const 0) (i32.const 16) (i32.const 15) (i32.const 72)))
    (global.set $metric (i32.load (i32.const 72)))
    (i32.const 1))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    ${onRequest[behaviour]}
    (i32.const 0))
  (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32) (local $at i32)
    (drop (call $add (i32.const 2) (i32.const 0) (i32.const 6) (global.get $config) (global.get $length)))
    (drop (call $sizes (i32.const 80) (i32.const 84)))
    (if (i32.eqz (i32.load (i32.const 84))) (then (return (i32.const 0))))
    (drop (call $environ (i32.const 1024) (i32.const 2048)))
    (local.set $at (i32.const 2048))
    (loop $next
      (if (i32.eqz (i32.load8_u (local.get $at))) (then (i32.store8 (local.get $at) (i32.const 44))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $at) (i32.add (i32.const 2047) (i32.load (i32.const 84))))))
    (drop (call $add (i32.const 2) (i32.const 32) (i32.const 10) (i32.const 2048) (i32.sub (i32.load (i32.const 84)) (i32.const 1))))
    (i32.const 0))
  (func (export "proxy_on_done") (param i32) (result i32) (i32.const 1))
  (func (export "proxy_on_delete") (param i32)))`;

export interface Module {
  readonly bytes: Uint8Array;
  readonly sum: string;
}

/** `x-wasm` of the response and `x-wasm-order` of the request get the configuration; `x_wasm_requests` counts. */
export const assembleFilter = (behaviour: FilterBehaviour = 'mark'): Promise<Module> =>
  assemble(source(behaviour));

/** A module that is no filter. */
export const assembleOther = (): Promise<Module> => assemble('(module (func (export "main")))');

/** A filter of connections: it ends those that send anything. */
export const assembleCloser = (): Promise<Module> =>
  assemble(`(module
  (import "env" "proxy_close_stream" (func $close (param i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024))
  (func (export "proxy_on_context_create") (param i32 i32))
  (func (export "proxy_on_new_connection") (param i32) (result i32) (i32.const 0))
  (func (export "proxy_on_downstream_data") (param i32 i32 i32) (result i32)
    (drop (call $close (i32.const 2)))
    (i32.const 1)))`);

async function assemble(text: string): Promise<Module> {
  const toolkit = await wabt();
  const parsed = toolkit.parseWat('filter.wat', text);
  parsed.resolveNames();
  parsed.validate();
  const bytes = new Uint8Array(parsed.toBinary({}).buffer);
  parsed.destroy();
  return { bytes, sum: sumOf(bytes) };
}

export const sumOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
