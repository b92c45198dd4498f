import type { Behaviour, Section } from '../scene.ts';
import { acknowledgingSection } from './acknowledging.ts';
import { connectingSection, heartBeatSection } from './connecting.ts';
import { errorSection } from './errors.ts';
import { bodySection, headerSection } from './frames.ts';
import { queueSection } from './queues.ts';
import { receiptSection } from './receipts.ts';
import { durableSection, formSection, patternSection, temporarySection, topicSection } from './topics.ts';
import { transactionSection } from './transactions.ts';

/** All that is looked at, in the order of the page. */
export const sections: readonly Section[] = [
  connectingSection,
  heartBeatSection,
  receiptSection,
  headerSection,
  bodySection,
  errorSection,
  acknowledgingSection,
  transactionSection,
  queueSection,
  topicSection,
  patternSection,
  durableSection,
  temporarySection,
  formSection,
];

export const behaviours: readonly Behaviour[] = sections.flatMap((section) => section.behaviours);
