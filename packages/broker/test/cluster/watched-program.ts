/** Says when the package manager that runs it has gone, and ends. */
import { watchRunners } from '../../src/cluster/runner-parents.ts';

const waiting = setInterval(() => {}, 1000);
watchRunners(() => {
  clearInterval(waiting);
  console.log('gone');
});
console.log('watching');
