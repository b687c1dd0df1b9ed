import { createSocket, type Socket } from 'node:dgram';
import { promises as dns } from 'node:dns';
import type { AddressInfo } from 'node:net';

/** Answers A queries with the next of the addresses, the last one for ever, and others with none. */
export class DnsServer {
  readonly #socket: Socket;
  /** A queries so far. */
  asked = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  static async start(addresses: readonly string[]): Promise<DnsServer> {
    const socket = createSocket('udp4');
    const server = new DnsServer(socket);
    socket.on('message', (query, { port, address }) => {
      // 12 bytes of header, the name, then type and class.
      const nameEnd = query.indexOf(0, 12) + 1;
      const isA = query.readUInt16BE(nameEnd) === 1;
      const question = query.subarray(12, nameEnd + 4);
      const header = Buffer.from(query.subarray(0, 12));
      header.writeUInt16BE(0x8180, 2);
      header.writeUInt16BE(isA ? 1 : 0, 6);
      header.fill(0, 8);
      const ip = addresses[Math.min(server.asked, addresses.length - 1)]!;
      if (isA) server.asked += 1;
      const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...ip.split('.').map(Number)]);
      socket.send(Buffer.concat([header, question, ...(isA ? [record] : [])]), port, address);
    });
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    return server;
  }

  resolver(): dns.Resolver {
    const resolver = new dns.Resolver({ timeout: 5_000, tries: 1 });
    resolver.setServers([`127.0.0.1:${(this.#socket.address() as AddressInfo).port}`]);
    return resolver;
  }

  close(): void {
    this.#socket.close();
  }
}
