// SPDX-License-Identifier: GPL-3.0-or-later
// The Train page over large runs files: from opening to every chart painted, then panning and zooming, and a list
// of 10,000 series. Prints milliseconds, and the longest piece of work on the window's thread; a frame is 16.
//
//   bench_train_page                  one run of ten series with a million points each
//   bench_train_page RUNS SERIES N    RUNS runs of SERIES series with N points each
//
// FULGURITE_BENCH_FILE keeps the file that was written, and reads it again when it exists.
#include "core/store/runs/run_writer.h"
#include "ui/base/theme_manager.h"
#include "ui/train/chart_grid.h"
#include "ui/train/run_list.h"
#include "ui/train/series_picker.h"

#include <QApplication>
#include <QElapsedTimer>
#include <QLineEdit>
#include <QListView>
#include <QSplitter>
#include <QTemporaryDir>
#include <QThread>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <random>

using namespace fulgurite;

namespace {

// What the calling thread has computed. On a busy machine an event takes longer than that by the time in which
// other programs had the core.
double computedMilliseconds() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

struct Longest {
    double passed = 0;   // milliseconds
    double computed = 0; // of the event that computed longest
};

// Times every event that the window's thread handles.
class TimedApplication : public QApplication {
  public:
    using QApplication::QApplication;

    bool notify(QObject* receiver, QEvent* event) override {
        if (depth_++ > 0) {
            const bool handled = QApplication::notify(receiver, event);
            --depth_;
            return handled;
        }
        QElapsedTimer timer;
        timer.start();
        const double begin = computedMilliseconds();
        const bool handled = QApplication::notify(receiver, event);
        longest_.passed = std::max(longest_.passed, static_cast<double>(timer.nsecsElapsed()) / 1e6);
        longest_.computed = std::max(longest_.computed, computedMilliseconds() - begin);
        --depth_;
        return handled;
    }
    Longest takeLongest() { return std::exchange(longest_, {}); }

  private:
    int depth_ = 0;
    Longest longest_;
};

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

struct Board {
    RunFeed feed;
    RunBoard board{feed};
    QSplitter window;
    RunListView* list;
    ChartGrid* grid;

    explicit Board(ThemeManager& themes)
        : list(new RunListView(themes, board)), grid(new ChartGrid(themes, board)) {
        window.addWidget(list);
        window.addWidget(grid);
        window.setSizes({304, 1100});
        window.resize(1440, 800);
        window.show();
        QApplication::processEvents();
    }
    bool painted() const { return !grid->chartIds().isEmpty() && !feed.runs()->empty() && grid->settled(); }
};

void report(const char* name, std::vector<double> milliseconds, Longest longest) {
    std::sort(milliseconds.begin(), milliseconds.end());
    std::printf("%-34s longest %7.2f ms   median %6.2f ms   longest event %6.2f ms, computing %6.2f ms\n", name,
                milliseconds.back(), milliseconds[milliseconds.size() / 2], longest.passed, longest.computed);
}

void move(TimedApplication& application, Board& board, const char* name,
          const std::function<void(ChartLink&, int)>& step) {
    std::vector<double> frames;
    application.takeLongest();
    for (int i = 0; i < 120; ++i) {
        frames.push_back(timed([&] {
            step(board.grid->link(), i);
            QApplication::processEvents();
        }));
        QThread::msleep(8);
    }
    report(name, frames, application.takeLongest());
    const double sharp = timed([&] { waitUntil([&] { return board.painted(); }); });
    std::printf("%-34s %8.1f ms\n", "    until drawn in full", sharp);
}

void benchPage(TimedApplication& application, ThemeManager& themes, const QString& file, bool grouped) {
    Board board(themes);
    if (grouped) {
        board.board.setGroupField(QStringLiteral("algo"));
    }
    application.takeLongest();
    QElapsedTimer clock;
    clock.start();
    board.feed.open(file);
    waitUntil([&] { return !board.feed.runs()->empty(); });
    const double listed = static_cast<double>(clock.nsecsElapsed()) / 1e6;
    waitUntil([&] {
        return std::any_of(board.feed.runs()->begin(), board.feed.runs()->end(),
                           [&](const RunInfo& run) {
                               return board.feed.curve({run.id, QStringLiteral("rollout.reward_mean")}) != nullptr;
                           }) &&
               board.grid->chart(QStringLiteral("reward")) != nullptr &&
               !board.grid->chart(QStringLiteral("reward"))->scene()->curves.empty();
    });
    const double first = static_cast<double>(clock.nsecsElapsed()) / 1e6;
    waitUntil([&] { return board.painted(); });
    const double all = static_cast<double>(clock.nsecsElapsed()) / 1e6;
    const Longest opening = application.takeLongest();
    std::printf(
        "opened and listed %.1f ms, first curve %.1f ms, all %lld charts %.1f ms; longest event %.2f ms, computing "
        "%.2f ms\n",
        listed, first, static_cast<long long>(board.grid->chartIds().size()), all, opening.passed,
        opening.computed);
    const auto [low, high] = board.grid->link().full();
    const double span = high - low;
    move(application, board, "zooming in and out, one frame", [low = low, span](ChartLink& link, int i) {
        const double width = span * std::pow(0.95, i < 60 ? i : 120 - i);
        link.setRange(low + 0.4 * (span - width), low + 0.4 * (span - width) + width);
    });
    move(application, board, "panning, one frame", [low = low, span](ChartLink& link, int i) {
        link.setRange(low + span * (0.1 + 0.004 * i), low + span * (0.3 + 0.004 * i));
    });
    move(application, board, "moving the cursor, one frame",
         [low = low, span](ChartLink& link, int i) { link.setCursor(low + span * (0.31 + 0.001 * i), nullptr); });
}

void benchTags(TimedApplication& application, ThemeManager& themes) {
    QStringList all;
    for (int i = 0; i < 10000; ++i) {
        all << QStringLiteral("layer.%1/expert.%2/gradient_norm").arg(i / 32).arg(i % 32);
    }
    application.takeLongest();
    std::unique_ptr<SeriesPicker> picker;
    const double shown = timed([&] {
        picker = std::make_unique<SeriesPicker>(themes, all, nullptr);
        picker->show();
        QApplication::processEvents();
        picker->list().grab();
    });
    const double narrowed = timed([&] {
        picker->field().setText(QStringLiteral("layer.17/"));
        QApplication::processEvents();
    });
    const Longest longest = application.takeLongest();
    std::printf("10,000 series listed %.1f ms, narrowed %.1f ms; longest event %.2f ms, computing %.2f ms\n", shown,
                narrowed, longest.passed, longest.computed);
}

} // namespace

int main(int argc, char** argv) {
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    TimedApplication application(argc, argv);
    ThemeManager themes;
    themes.setMode(ThemeMode::Dark);
    themes.apply();
    benchTags(application, themes);
    const int runs = argc > 3 ? std::atoi(argv[1]) : 1;
    const int series = argc > 3 ? std::atoi(argv[2]) : 10;
    const std::int64_t points = argc > 3 ? std::atoll(argv[3]) : 1000000;
    const QTemporaryDir folder;
    const QString kept = qEnvironmentVariable("FULGURITE_BENCH_FILE");
    const QString file = kept.isEmpty() ? folder.filePath(QStringLiteral("bench.fulgurite")) : kept;
    if (!QFile::exists(file)) {
        const double seconds = timed([&] { write(file.toStdString(), runs, series, points); }) / 1000;
        const double rows = static_cast<double>(runs) * series * static_cast<double>(points);
        std::printf("%.0f points written in %.1f s, %.0f rows/s\n", rows, seconds, rows / seconds);
    }
    std::printf("%d runs of %d series with %lld points, every run by itself\n", runs, series,
                static_cast<long long>(points));
    benchPage(application, themes, file, false);
    if (runs > 1) {
        std::printf("the same in three groups\n");
        benchPage(application, themes, file, true);
    }
    return 0;
}
