require('http').createServer((_, response) => response.end('board')).listen(3000);
