// SPDX-License-Identifier: GPL-3.0-or-later
// Entry point of the desktop: command line, application object, window.
#include "core/base/error.h"
#include "core/base/version.h"
#include "ui/shell/desktop.h"
#include "ui/shell/main_window.h"
#include "ui/shell/pictures.h"
#include "ui/shell/quit_signals.h"

#include <CLI/CLI.hpp>
#include <QApplication>
#include <QFileInfo>
#include <QIcon>
#include <QMessageBox>
#include <QTemporaryDir>
#include <QTimer>

#include <cstdlib>
#include <ctime>
#include <fmt/core.h>
#include <fstream>
#include <string>
#include <unistd.h>

namespace {

struct Arguments {
    std::string path;
    std::string workspace;
    std::string screenshots;
    bool measure_start = false;
    bool no_engine = false;
};

// Milliseconds since the kernel started this process, program loading included.
double processAgeMilliseconds() {
    std::ifstream file("/proc/self/stat");
    std::string field;
    std::getline(file, field, ')');
    // Fields after the name in brackets; the 20th of them is the start time in clock ticks after boot.
    for (int i = 0; i < 20; ++i)
        file >> field;
    timespec now{};
    clock_gettime(CLOCK_BOOTTIME, &now);
    const double started = std::strtod(field.c_str(), nullptr) / static_cast<double>(sysconf(_SC_CLK_TCK));
    return (static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9 - started) * 1000;
}

bool haveDisplay() {
    for (const char* name : {"QT_QPA_PLATFORM", "WAYLAND_DISPLAY", "DISPLAY"}) {
        if (!qEnvironmentVariableIsEmpty(name))
            return true;
    }
    return false;
}

void addOptions(CLI::App& app, Arguments& arguments) {
    app.set_version_flag("--version", fulgurite::kVersion);
    app.add_option("path", arguments.path,
                   "What to open: a checkpoint folder instead of the one in the settings, a capture (.fcap), or a "
                   "file of training runs (.fulgurite)");
    app.add_option("--workspace", arguments.workspace, "Folder with conversations, settings and layout of its own");
    app.add_flag("--no-engine", arguments.no_engine, "Do not start the engine with the window");
    app.add_option("--screenshots", arguments.screenshots,
                   "Write pictures of every page into this folder, then quit");
    app.add_flag("--measure-start", arguments.measure_start,
                 "Print the milliseconds from process start to first paint, then quit");
}

// A window that already runs may have another working folder.
QString absolutePath(const std::string& path) {
    return path.empty() ? QString() : QFileInfo(QString::fromStdString(path)).absoluteFilePath();
}

// Pictures of every page, in a workspace that is gone afterwards.
int takePictures(const Arguments& arguments) {
    using namespace fulgurite;
    const QTemporaryDir workspace;
    Desktop desktop({.workspace = workspace.path(), .open = absolutePath(arguments.path)});
    PictureSession session(desktop.window(), desktop.context(), QString::fromStdString(arguments.screenshots));
    QObject::connect(&desktop.window(), &MainWindow::painted, &session, &PictureSession::start,
                     Qt::QueuedConnection);
    QObject::connect(&session, &PictureSession::finished, qApp, &QCoreApplication::quit, Qt::QueuedConnection);
    desktop.show();
    QApplication::exec();
    fmt::print("{} pictures in {}\n", session.written(), arguments.screenshots);
    if (session.problem().isEmpty())
        return 0;
    fmt::print(stderr, "fulgurite: {}\n", session.problem().toStdString());
    return 1;
}

int runWindow(const Arguments& arguments) {
    using namespace fulgurite;
    DesktopOptions options{.workspace = QString::fromStdString(arguments.workspace),
                           .open = absolutePath(arguments.path),
                           .with_engine = !arguments.no_engine};
    Desktop desktop(options);
    if (desktop.handedOver())
        return 0;
    closeOnSignals(qApp, [&desktop] {
        desktop.window().close();
        QCoreApplication::quit();
    });
    if (arguments.measure_start)
        QObject::connect(&desktop.window(), &MainWindow::painted, qApp, [] {
            fmt::print("{:.0f}\n", processAgeMilliseconds());
            QTimer::singleShot(0, qApp, &QCoreApplication::quit);
        });
    desktop.show();
    return QApplication::exec();
}

} // namespace

int main(int argc, char** argv) {
    using namespace fulgurite;
    CLI::App app("Fulgurite: prompt hybrid lightning-attention models and see how they get to each word",
                 "fulgurite");
    Arguments arguments;
    addOptions(app, arguments);
    // Before Qt looks for a display, so that --help and --version work without one.
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;
    }
    if (!haveDisplay()) {
        if (arguments.screenshots.empty()) {
            fmt::print(
                stderr,
                "fulgurite: there is no display. Run it in a desktop session, or use fulgurite-engine here.\n");
            return 1;
        }
        qputenv("QT_QPA_PLATFORM", "offscreen");
    }
    QCoreApplication::setApplicationName(QStringLiteral("fulgurite"));
    QCoreApplication::setApplicationVersion(QString::fromUtf8(kVersion));
    QGuiApplication::setApplicationDisplayName(QStringLiteral("Fulgurite"));
    QGuiApplication::setDesktopFileName(QStringLiteral("org.fulgurite.Fulgurite"));
    QApplication application(argc, argv);
    QApplication::setWindowIcon(QIcon(QStringLiteral(":/fulgurite/icon/fulgurite.svg")));
    try {
        return arguments.screenshots.empty() ? runWindow(arguments) : takePictures(arguments);
    } catch (const Error& error) {
        fmt::print(stderr, "fulgurite: {}\n", error.what());
        // Started from a menu, nobody reads the standard error.
        if (isatty(STDERR_FILENO) == 0 && QGuiApplication::platformName() != QStringLiteral("offscreen"))
            QMessageBox::critical(nullptr, QStringLiteral("Fulgurite"), QString::fromUtf8(error.what()));
        return 1;
    }
}
