// A process that supervises two others and waits to be killed; prints their pids as JSON.
import { startGuard, superviseProcess } from '../index.ts';

const guard = startGuard({ graceMs: 300 });
const stubborn = `
  process.on('SIGTERM', () => {});
  const { spawn } = require('node:child_process');
  const left = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { detached: true, stdio: 'ignore' });
  require('node:fs').writeFileSync(process.env.REPORT, String(left.pid));
  setInterval(() => {}, 1000);
`;
const report = process.env['REPORT'];
const one = superviseProcess({ name: 'sleeper', command: 'sleep', args: ['600'], env: {} }, { guard });
const two = superviseProcess(
  { name: 'stubborn', command: process.execPath, args: ['-e', stubborn], env: { REPORT: report } },
  { guard },
);
console.log(JSON.stringify({ pids: [one.pid, two.pid], guard: guard.pid }));
