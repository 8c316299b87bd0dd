// The process of simulated sidecars: questions come over the channel from its parent, and it ends with it.
import { createFleet } from './fleet.ts';
import type { Answer, Question } from './messages.ts';

const fleet = createFleet();

const send = (answer: Answer): void => void process.send?.(answer);

process.on('message', (question: Question) => {
  fleet.answer(question).then(send, (error: unknown) => send({ kind: 'failed', message: String(error) }));
});
process.on('disconnect', () => {
  fleet.close();
  process.exit(0);
});
