require('http').createServer((_, response) => response.end('page')).listen(3000);
