// SPDX-License-Identifier: GPL-3.0-or-later
// The Train page, in the whole window, over large runs files: from opening to every chart painted, then panning,
// zooming, filtering, and a list of 10,000 series. Prints milliseconds, and the longest piece of work on the
// window's thread; a frame is 16.
//
//   bench_train_page                  one run of ten series with a million points each
//   bench_train_page RUNS SERIES N    RUNS runs of SERIES series with N points each
//   bench_train_page live ROWS        a run that is written meanwhile: from a row to the painting that shows it
//
// FULGURITE_BENCH_FILE keeps the file that was written, and reads it again when it exists.
#include "core/store/runs/run_writer.h"
#include "tests/ui/watched_application.h"
#include "ui/base/theme_manager.h"
#include "ui/pages/train_page.h"
#include "ui/shell/desktop.h"
#include "ui/shell/main_window.h"
#include "ui/train/chart_grid.h"
#include "ui/train/filter_field.h"
#include "ui/train/run_list.h"
#include "ui/train/series_picker.h"

#include <QApplication>
#include <QElapsedTimer>
#include <QFile>
#include <QLineEdit>
#include <QListView>
#include <QMenu>
#include <QTemporaryDir>
#include <QTest>
#include <QThread>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <random>
#include <string_view>

using namespace fulgurite;
using test::WatchedApplication;

namespace {

double timed(const std::function<void()>& work) {
    QElapsedTimer timer;
    timer.start();
    work();
    return static_cast<double>(timer.nsecsElapsed()) / 1e6;
}

const std::vector<std::string>& names() {
    static const std::vector<std::string> all{
        "eval.addition.greedy", "rollout.reward_mean", "rollout.len_mean", "train.entropy", "train.grad_norm",
        "mismatch.pearson",     "train.kl_old",        "moe.max_vio",      "train.lr",      "perf.tokens_per_s"};
    return all;
}

void write(const std::filesystem::path& file, int runs, int series, std::int64_t points) {
    std::mt19937 random(1);
    for (int r = 0; r < runs; ++r) {
        NewRun info;
        info.name = "run " + std::to_string(r);
        info.algo = r % 3 == 0 ? "cispo" : r % 3 == 1 ? "dapo" : "grpo";
        info.seed = r / 3;
        info.source = "bench";
        info.config_json = R"({"updates":4,"objective":{"loss":")" + info.algo + R"(","cap":5.0},"seed":)" +
                           std::to_string(r / 3) + "}";
        const auto run = RunWriter::create(file, info);
        for (int s = 0; s < series; ++s) {
            const auto id =
                run->series(s < static_cast<int>(names().size()) ? names()[static_cast<std::size_t>(s)]
                                                                 : "layer/" + std::to_string(s) + "/norm");
            double value = 1;
            for (std::int64_t step = 0; step < points; ++step) {
                value += (static_cast<double>(random() % 2001) - 1000) / 1e5;
                run->add(id, step, std::abs(value));
                if (step % 500000 == 499999) {
                    run->flush(); // at most a million rows wait
                }
            }
        }
        run->finish(RunStatus::Finished);
    }
}

void waitUntil(const std::function<bool()>& ready) {
    while (!ready()) {
        QApplication::processEvents(QEventLoop::AllEvents, 5);
        QThread::usleep(100);
    }
}

// The whole window with its Train page in front.
struct Window {
    QTemporaryDir folder;
    Desktop desktop{DesktopOptions{.workspace = folder.path(), .open = {}, .with_engine = false}};

    Window() {
        desktop.window().resize(1440, 900);
        desktop.show();
        desktop.window().showPage(QStringLiteral("train"));
        QTest::qWait(500);
    }
    TrainPage& page() { return *qobject_cast<TrainPage*>(desktop.window().page(QStringLiteral("train"))); }
    ChartGrid& grid() { return page().grid(); }
    bool painted() { return !grid().chartIds().isEmpty() && !page().feed().runs()->empty() && grid().settled(); }
};

void move(WatchedApplication& application, Window& window, const char* name,
          const std::function<void(ChartLink&, int)>& step) {
    std::vector<double> frames;
    for (int i = 0; i < 120; ++i) {
        const double begin = test::threadMilliseconds();
        step(window.grid().link(), i);
        QApplication::processEvents();
        frames.push_back(test::threadMilliseconds() - begin);
        QThread::msleep(8);
    }
    std::sort(frames.begin(), frames.end());
    std::printf("one frame: longest %.2f, median %.2f ms of own work  ", frames.back(), frames[frames.size() / 2]);
    application.print(name);
    const double sharp = timed([&] { waitUntil([&] { return window.painted(); }); });
    std::printf("%44s %.1f ms\n", "drawn in full after", sharp);
}

bool firstCurve(Window& window) {
    CurveChart* reward = window.grid().chart(QStringLiteral("reward"));
    return reward != nullptr && !reward->pictured()->curves.empty();
}

void benchPage(WatchedApplication& application, const QString& file, const QString& group) {
    Window window;
    window.page().board().setGroupField(group);
    application.print("the window without runs");
    QElapsedTimer clock;
    clock.start();
    const auto passed = [&] { return static_cast<double>(clock.nsecsElapsed()) / 1e6; };
    window.page().openFile(file);
    waitUntil([&] { return !window.page().feed().runs()->empty(); });
    const double listed = passed();
    waitUntil([&] { return firstCurve(window); });
    const double first = passed();
    waitUntil([&] { return window.painted(); });
    std::printf("opened and listed %.1f ms, first curves drawn %.1f ms, all of all %lld charts %.1f ms\n", listed,
                first, static_cast<long long>(window.grid().chartIds().size()), passed());
    application.print("opening");
    const auto [low, high] = window.grid().link().full();
    const double span = high - low;
    move(application, window, "zooming in and out", [low = low, span](ChartLink& link, int i) {
        const double width = span * std::pow(0.95, i < 60 ? i : 120 - i);
        link.setRange(low + 0.4 * (span - width), low + 0.4 * (span - width) + width);
    });
    move(application, window, "panning", [low = low, span](ChartLink& link, int i) {
        link.setRange(low + span * (0.1 + 0.004 * i), low + span * (0.3 + 0.004 * i));
    });
    move(application, window, "moving the cursor",
         [low = low, span](ChartLink& link, int i) { link.setCursor(low + span * (0.31 + 0.001 * i), nullptr); });
    window.page().filter().setFilter(QStringLiteral("seed < 5"));
    waitUntil([&] { return window.painted(); });
    window.page().filter().setFilter({});
    waitUntil([&] { return window.painted(); });
    application.print("filtering and back");
    QTest::keyClicks(&window.page().filter(), QStringLiteral("objective.loss = cispo and seed > 2"));
    waitUntil([&] { return window.painted(); });
    window.page().filter().setFilter({});
    waitUntil([&] { return window.painted(); });
    application.print("typing a filter");
    const double begin = test::threadMilliseconds();
    for (QMenu* menu : window.page().findChildren<QMenu*>()) {
        emit menu->aboutToShow(); // those that are filled in when they open
    }
    std::printf("menus filled in within %.2f ms of own work\n", test::threadMilliseconds() - begin);
    QTest::keyClick(&window.page().list(), Qt::Key_Down);
    QTest::keyClick(&window.page().list(), Qt::Key_Space);
    waitUntil([&] { return window.painted(); });
    application.print("choosing a run, hiding it");
}

double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// As a trainer does, in a process of its own: a row of 60 figures, now and then. The reward tells when it was
// given.
void writeLive(const std::string& file, int rows) {
    NewRun info;
    info.name = "live";
    const auto run = RunWriter::create(file, info);
    std::vector<RunWriter::Series> series;
    for (const std::string& name : names()) {
        series.push_back(run->series(name));
    }
    for (int i = 0; i < 50; ++i) {
        series.push_back(run->series("layer/" + std::to_string(i) + "/norm"));
    }
    std::mt19937 random(1);
    for (std::int64_t step = 0; step < rows; ++step) {
        QThread::msleep(300 + random() % 200);
        for (const RunWriter::Series one : series) {
            run->add(one, step, now());
        }
    }
    run->finish(RunStatus::Finished);
}

// From the moment in which the trainer gave a row to that in which the chart with it was on the screen.
void benchLive(WatchedApplication& application, const QString& file, pid_t writer) {
    Window window;
    waitUntil([&] { return QFile::exists(file); });
    window.page().openFile(file);
    std::vector<double> late;
    std::size_t seen = 0;
    application.painted = [&](QObject* widget) {
        CurveChart* reward = window.grid().chart(QStringLiteral("reward"));
        if (widget != reward || reward->pictured()->rows.empty()) {
            return;
        }
        const Values& given = reward->pictured()->rows.front().raw;
        if (seen > 0 && given.size() > seen) { // what was given before the file was open does not count
            late.push_back(1e3 * (now() - given[seen]));
        }
        seen = given.size();
    };
    waitUntil([&] { return waitpid(writer, nullptr, WNOHANG) != 0; });
    application.painted = {};
    std::sort(late.begin(), late.end());
    std::printf("%zu rows on the screen: median %.0f ms, 95 %% %.0f ms, longest %.0f ms after they were given\n",
                late.size(), late[late.size() / 2], late[late.size() * 95 / 100], late.back());
    application.print("following");
}

void benchTags(WatchedApplication& application) {
    ThemeManager themes;
    themes.setMode(ThemeMode::Dark);
    themes.apply();
    QStringList all;
    for (int i = 0; i < 10000; ++i) {
        all << QStringLiteral("layer.%1/expert.%2/gradient_norm").arg(i / 32).arg(i % 32);
    }
    std::unique_ptr<SeriesPicker> picker;
    const double shown = timed([&] {
        picker = std::make_unique<SeriesPicker>(themes, all, SeriesPicker::chartWords(), nullptr);
        picker->show();
        QApplication::processEvents();
        picker->list().grab();
    });
    const double narrowed = timed([&] {
        picker->field().setText(QStringLiteral("layer.17/"));
        QApplication::processEvents();
    });
    std::printf("10,000 series listed %.1f ms, narrowed %.1f ms\n", shown, narrowed);
    application.print("listing series");
}

} // namespace

int main(int argc, char** argv) {
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    const QTemporaryDir folder;
    const QString kept = qEnvironmentVariable("FULGURITE_BENCH_FILE");
    const QString file = kept.isEmpty() ? folder.filePath(QStringLiteral("bench.fulgurite")) : kept;
    if (argc == 3 && std::string_view(argv[1]) == "live") {
        const pid_t writer = fork(); // before there are threads
        if (writer == 0) {
            writeLive(file.toStdString(), std::atoi(argv[2]));
            ::_exit(0); // the folder is the parent's
        }
        WatchedApplication application(argc, argv);
        benchLive(application, file, writer);
        return 0;
    }
    WatchedApplication application(argc, argv);
    benchTags(application);
    const int runs = argc > 3 ? std::atoi(argv[1]) : 1;
    const int series = argc > 3 ? std::atoi(argv[2]) : 10;
    const std::int64_t points = argc > 3 ? std::atoll(argv[3]) : 1000000;
    if (!QFile::exists(file)) {
        const double seconds = timed([&] { write(file.toStdString(), runs, series, points); }) / 1000;
        const double rows = static_cast<double>(runs) * series * static_cast<double>(points);
        std::printf("%.0f points written in %.1f s, %.0f rows/s\n", rows, seconds, rows / seconds);
    }
    std::printf("%d runs of %d series with %lld points, every run by itself\n", runs, series,
                static_cast<long long>(points));
    benchPage(application, file, {});
    if (runs > 1) {
        std::printf("the same in three groups\n");
        benchPage(application, file, QStringLiteral("algo"));
    }
    return 0;
}
