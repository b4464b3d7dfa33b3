// Methods, templates, namespaces and a lambda: names that only the linker's form tells apart.
namespace shapes {

template <typename T> struct Box {
    T width;
    T height;

    inline T area() const
    {
        if (width < 0) {
            __builtin_trap();
        }
        return width * height;
    }
    T scaled(T by) const;
};

template <typename T> __attribute__((noinline)) T Box<T>::scaled(T by) const
{
    auto times = [by](T side) { return side * by; };
    return Box{times(width), times(height)}.area();
}

namespace {
__attribute__((noinline)) long total(const Box<long> *boxes, int count)
{
    long total = 0;
    for (int i = 0; i < count; i++) {
        total += boxes[i].area();
    }
    return total;
}
} // namespace

} // namespace shapes

extern "C" __attribute__((export_name("run"))) long run(int count, int by)
{
    const shapes::Box<long> boxes[2] = {{by, 2}, {3, by}};
    const shapes::Box<int> box = {count, by};
    return shapes::total(boxes, count) + box.scaled(by);
}
