/**
 * The web server that connection managers ask whether they are online: any path is answered with
 * status 200 and `X-ConnMan-Status: online`, `/nm` with the text NetworkManager looks for. A program
 * of its own, run inside a namespace by `startStatusServer`; prints `PATH CLIENT` for each request.
 */

import { createServer } from 'node:http';

const address = process.argv.at(-1);

const server = createServer((request, response) => {
  const path = request.url ?? '/';
  const client = request.socket.remoteAddress ?? '';
  console.log(`${path} ${client}`);
  // No body elsewhere: Debian's connmand 1.41 stops reading at the first piece of one.
  const body = path.startsWith('/nm') ? 'NetworkManager is online\n' : '';
  response.writeHead(200, {
    'X-ConnMan-Status': 'online',
    'X-ConnMan-Client-IP': client,
    'X-NetworkManager-Status': 'online',
    'Content-Length': String(body.length),
    Connection: 'close',
  });
  response.end(body);
});
server.listen(80, address, () => console.log('listening'));
