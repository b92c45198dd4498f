import type { Behaviour, Section } from '../scene.ts';
import { bodySection, headerSection } from './frames.ts';
import { connectingSection, heartBeatSection } from './connecting.ts';
import { errorSection } from './errors.ts';
import { receiptSection } from './receipts.ts';

/** All that is looked at, in the order of the page. */
export const sections: readonly Section[] = [
  connectingSection,
  heartBeatSection,
  receiptSection,
  headerSection,
  bodySection,
  errorSection,
];

export const behaviours: readonly Behaviour[] = sections.flatMap((section) => section.behaviours);
