import fc from 'fast-check';
import { keyOf, kinds } from '../../packages/config/src/index.ts';
import { findRefused } from './support/envoy-verdict.ts';
import { judge, judgeValue } from './support/judge.ts';
import { objectMaker } from './support/make-object.ts';
import { isRare } from './support/odd-values.ts';
import { diceOf, runs, seed, tape } from './support/settings.ts';
import { createProving } from './support/translate.ts';
const only = process.env.KINDS?.split(',');
const seen = new Map<string, { n: number; text: string; full: string }>();
const note = (f: string, text: string) => { const key = f.replace(/"[^"]*"/g, 'Q').replace(/\d+/g, 'N').replace(/\[2026[^\]]*\]|xebec-validate-\w+/g,'').slice(0, 160); const c = seen.get(key); if (!c) seen.set(key, { n: 1, text, full: f }); else { c.n++; if (text.length < c.text.length) { c.text = text; c.full = f; } } };
const accepted: any[] = [];
const t0 = Date.now(); let total = 0;
for (const kind of kinds) { if (only && !only.includes(kind.kind)) continue; const make = objectMaker(kind); let ok = 0;
  for (const choices of fc.sample(tape, { numRuns: runs, seed })) { const dice = diceOf(choices); const isText = isRare(dice, 3); let text = ''; total++;
    try { text = JSON.stringify(make(dice)) ?? ''; const j = isText ? judge(text) : judgeValue(JSON.parse(text)); for (const f of j.faults) note(kind.kind + ': ' + f, text); if (j.accepted.length) ok++; accepted.push(...j.accepted); } catch (e) { note('THROW ' + (e as Error).stack, text); } }
  process.stdout.write(`${kind.kind} ${ok}/${runs}; `); }
console.log('\nread', total, Date.now() - t0, 'ms');
const inert = new Set(['Namespace', 'ServiceAccount', 'Deployment', 'Job']);
const live = accepted.filter(({ object }) => !inert.has(object.kind));
const count = Math.ceil(live.length / 8);
const groups = Array.from({ length: count }, () => new Map<string, any>());
live.forEach((one, i) => groups[i % count]!.set(keyOf(one.object), one));
const proving = createProving();
let left: any[][] = []; const txt = (o: any) => JSON.stringify(o.value);
const t1 = Date.now();
for (const g of groups) { const all = [...g.values()].map((x) => x.raw); if (proving.with(all).length === 0) { left.push(all); continue; }
  let found = false; const good: any[] = []; for (const o of all) { const f = proving.with([o]); if (f.length) { found = true; f.forEach((x) => note(x, txt(o))); } else good.push(o); }
  if (!found) proving.with(all).forEach((x) => note('GROUP ' + x, all.map(txt).join('\n---\n'))); else left.push(good); }
console.log('translated', groups.length, Date.now() - t1, 'ms');
left = left.map((g) => g.filter((o) => o.value.kind !== 'EnvoyFilter'));
const envoy = process.env.ENVOY_PATH!; const t2 = Date.now(); const stop = Date.now() + Number(process.env.ENVOY_S ?? 120) * 1000;
for (let at = 0; at < left.length && Date.now() < stop; ) { const part = left.slice(at, at + 60); const r = await findRefused(part, { proving, envoy });
  if (!r) { at += 60; continue; } note((r.objects.length > 1 ? 'GROUP ' : '') + r.complaint.replace(/^.*bootstrap.pb': /s, '').replace(/mesh\d+~/g, ''), r.objects.map(txt).join('\n---\n'));
  const bad = new Set(r.objects.map(txt)); const k = [...bad]; left = left.map((g) => k.length === 1 ? g.filter((o) => !bad.has(txt(o))) : g.some((o) => bad.has(txt(o))) && k.every((x) => g.some((o) => txt(o) === x)) ? [] : g); }
console.log('envoy', Date.now() - t2, 'ms, stopped at', Date.now() < stop);
for (const [, { n, text, full }] of [...seen].sort((a, b) => b[1].n - a[1].n)) console.log(`## ${n}\n${full.slice(0, 500)}\n${text.slice(0, 900)}\n`);
