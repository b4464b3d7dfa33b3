/*
 * The least an HTTP server on libuv and llhttp can do: read, parse, send the same bytes for every
 * request. It is what our own server is compared with, so it sends the very answer that ours gives.
 *
 *     bench_bare_server PORT ANSWER-FILE      prints the port when it listens; 0 picks one
 *
 * ANSWER-FILE holds a whole HTTP response, as bench_load --save-answer writes it.
 */
#include <llhttp.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

enum { ANSWER_BYTES_MAX = 65536, READ_BYTES = 65536, BATCH = 16 };

struct connection {
    uv_tcp_t socket;
    llhttp_t parser;
    unsigned answers; /* due for what was read */
};

static char answer[ANSWER_BYTES_MAX];
static size_t answer_size;
static char read_buffer[READ_BYTES];

static _Noreturn void fail(const char *what, int code)
{
    (void)fprintf(stderr, "bench_bare_server: %s: %s\n", what, uv_strerror(code));
    exit(EXIT_FAILURE);
}

static int on_message_complete(llhttp_t *parser)
{
    struct connection *connection = parser->data;
    connection->answers++;
    return 0;
}

static const llhttp_settings_t settings = {.on_message_complete = on_message_complete};

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *bytes)
{
    (void)handle;
    (void)suggested;
    *bytes = uv_buf_init(read_buffer, sizeof read_buffer);
}

static void send_answers(struct connection *connection)
{
    while (connection->answers > 0) {
        uv_buf_t batch[BATCH];
        unsigned count = connection->answers < BATCH ? connection->answers : BATCH;
        for (unsigned i = 0; i < count; i++) {
            batch[i] = uv_buf_init(answer, (unsigned)answer_size);
        }
        const int sent = uv_try_write((uv_stream_t *)&connection->socket, batch, count);
        if (sent != (int)(answer_size * count)) {
            fail("a client that does not read", sent < 0 ? sent : UV_EAGAIN);
        }
        connection->answers -= count;
    }
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *bytes)
{
    struct connection *connection = stream->data;
    if (size < 0 ||
        llhttp_execute(&connection->parser, bytes->base, (size_t)(size < 0 ? 0 : size)) != HPE_OK) {
        uv_close((uv_handle_t *)stream, on_closed);
        return;
    }
    send_answers(connection);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct connection *connection = calloc(1, sizeof *connection);
    if (status != 0 || connection == NULL) {
        fail("accept", status);
    }
    (void)uv_tcp_init(listener->loop, &connection->socket);
    connection->socket.data = connection;
    llhttp_init(&connection->parser, HTTP_REQUEST, &settings);
    connection->parser.data = connection;
    const int failed = uv_accept(listener, (uv_stream_t *)&connection->socket);
    if (failed != 0) {
        fail("accept", failed);
    }
    (void)uv_tcp_nodelay(&connection->socket, 1);
    (void)uv_read_start((uv_stream_t *)&connection->socket, on_alloc, on_read);
}

static void read_answer(const char *path)
{
    FILE *file = fopen(path, "rbe");
    answer_size = file == NULL ? 0 : fread(answer, 1, sizeof answer, file);
    if (answer_size == 0 || answer_size == sizeof answer) {
        (void)fprintf(stderr, "bench_bare_server: %s holds no answer of ours\n", path);
        exit(EXIT_FAILURE);
    }
    (void)fclose(file);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        (void)fprintf(stderr, "usage: bench_bare_server PORT ANSWER-FILE\n");
        return 2;
    }
    read_answer(argv[2]);
    uv_tcp_t listener;
    struct sockaddr_in address;
    uv_loop_t *loop = uv_default_loop();
    (void)uv_tcp_init(loop, &listener);
    (void)uv_ip4_addr("127.0.0.1", (int)strtol(argv[1], NULL, 10), &address);
    int failed = uv_tcp_bind(&listener, (const struct sockaddr *)&address, 0);
    failed = failed != 0 ? failed : uv_listen((uv_stream_t *)&listener, 1024, on_connection);
    if (failed != 0) {
        fail("listen", failed);
    }
    int size = sizeof address;
    (void)uv_tcp_getsockname(&listener, (struct sockaddr *)&address, &size);
    (void)printf("%u\n", ntohs(address.sin_port));
    (void)fflush(stdout);
    return uv_run(loop, UV_RUN_DEFAULT);
}
