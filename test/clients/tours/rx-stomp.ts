import { RxStomp, RxStompState } from '@stomp/rx-stomp';
import { filter, firstValueFrom, map, merge } from 'rxjs';

import { Line } from './line.ts';
import { arrivalOf, begin, connectHeaders, receipted, wrongHeaders } from './stompjs.ts';
import type { Sockets } from './stompjs.ts';
import type { Arrival, Library, Session } from './tour.ts';

/** `@stomp/rx-stomp`, which connects and subscribes again by itself. */
export const rxStomp = (sockets: Sockets): Library => ({
  isRefused: async (port) => {
    const rx = new RxStomp();
    rx.configure({ webSocketFactory: sockets([port]), connectHeaders: wrongHeaders, reconnectDelay: 0 });
    rx.activate();
    const refused = rx.stompErrors$.pipe(map(() => true));
    const taken = rx.connected$.pipe(map(() => false));
    return firstValueFrom(merge(refused, taken));
  },
  connect: async (ports, [heartbeatOutgoing, heartbeatIncoming]) => {
    const rx = new RxStomp();
    rx.configure({
      webSocketFactory: sockets(ports),
      connectHeaders,
      heartbeatIncoming,
      heartbeatOutgoing,
      reconnectDelay: 100,
    });
    rx.stompErrors$.subscribe(({ headers }) => console.log(`not ok ERROR ${headers['message']}`));
    rx.activate();
    const state = async (wanted: RxStompState): Promise<void> => {
      await firstValueFrom(rx.connectionState$.pipe(filter((now) => now === wanted)));
    };
    await state(RxStompState.OPEN);
    const client = rx.stompClient;
    const session: Session = {
      send: async (destination, binaryBody, headers = {}) =>
        receipted(client, (receipt) => rx.publish({ destination, binaryBody, headers: { ...headers, ...receipt } })),
      subscribe: (destination, ack) => {
        const line = new Line<Arrival>();
        rx.watch({ destination, subHeaders: { ack } }).subscribe((message) => line.push(arrivalOf(client, message)));
        return async () => line.next();
      },
      begin: () => begin(client),
      lost: state(RxStompState.CLOSED),
      resumed: async () => {
        await state(RxStompState.OPEN);
        return session;
      },
      leave: async () => rx.deactivate(),
    };
    return session;
  },
});
