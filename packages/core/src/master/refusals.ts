import type { Refusal } from '../requests.ts';

const nameLengthMax = 60;

/** Destinations come from outside and may be long: the text must stay below 150 bytes. */
function shown(destination: string): string {
  const plain = destination.replace(/[^\x21-\x7e]/g, '?');
  return plain.length <= nameLengthMax ? plain : `${plain.slice(0, nameLengthMax - 3)}...`;
}

/** `limit`: which one was passed, at most 65 bytes. */
export function storeFull(destination: string, limit: string): Refusal {
  return { code: 'store-full', message: `${shown(destination)}: ${limit}; try again later` };
}

export function overloaded(destination: string): Refusal {
  return {
    code: 'overloaded',
    message: `${shown(destination)}: too much is under way, or mastership has moved; try again`,
  };
}

export function tooLarge(destination: string, bytes: number, bytesMax: number): Refusal {
  return {
    code: 'too-large',
    message: `${shown(destination)}: the message has ${bytes} bytes, ${bytesMax} are allowed`,
  };
}

export function badDestination(destination: string): Refusal {
  return {
    code: 'bad-destination',
    message: `${shown(destination)}: not /queue/NAME or /topic/NAME (at most 1024 bytes)`,
  };
}

export function subscriptionInUse(subscription: number): Refusal {
  return { code: 'bad-destination', message: `subscription ${subscription} of this session is already in use` };
}

export function behindRefused(): Refusal {
  return {
    code: 'behind-refused',
    message: 'an earlier message of this connection was refused; send both again, in their order',
  };
}

export function notHeld(): Refusal {
  return {
    code: 'no-such-message',
    message: 'the transaction acknowledges a message that this session no longer holds; nothing of it was done',
  };
}
