/* A program that is one static executable: it answers every request on port 8080 with its first line.
 *
 *     cc -static -o server server.c */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(8080)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 128) < 0) return 1;
    puts("serving");
    fflush(stdout);
    for (;;) {
        char request[4096], answer[4200];
        int client = accept(listener, NULL, NULL);
        ssize_t size = read(client, request, sizeof request - 1);
        request[size > 0 ? size : 0] = 0;
        request[strcspn(request, "\r\n")] = 0;
        int length = snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n%s\n", request);
        if (write(client, answer, (size_t)length) < 0) perror("answer");
        close(client);
    }
}
