// An agent in a process of its own, for tests that kill it: its options come as JSON.
import { runAgent } from '../index.ts';

await runAgent(JSON.parse(process.argv[2] ?? '{}'));
