// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspect/capture_file_source.h"

#include <QFile>
#include <QFileInfo>
#include <QPointer>
#include <QSaveFile>
#include <QThreadPool>

#include <array>
#include <new>

namespace fulgurite {
namespace {

// What `work` gives, or why it gives nothing.
template <class T, class Work>
client::Outcome<T> outcomeOf(Work& work) {
    try {
        return work();
    } catch (const Error& error) {
        return error;
    } catch (const std::bad_alloc&) {
        return Error(ErrorKind::OutOfMemory, "not enough memory for this view: choose fewer tokens");
    }
}

void copyFile(const QString& from, const QString& to) {
    QFile in(from);
    QSaveFile out(to);
    std::array<char, 1 << 20> block;
    bool good = in.open(QIODevice::ReadOnly) && out.open(QIODevice::WriteOnly);
    for (qint64 read = 1; good && read > 0;) {
        read = in.read(block.data(), block.size());
        good = read >= 0 && out.write(block.data(), read) == read;
    }
    if (!good || !out.commit())
        fail(ErrorKind::Io, "{} was not written: {}. Choose another folder or free some space.", to.toStdString(),
             (in.error() != QFileDevice::NoError ? in.errorString() : out.errorString()).toStdString());
}

} // namespace

void CaptureFileSource::open(const QString& path, QObject* receiver, Opened then) {
    using File = std::shared_ptr<const capture::CaptureFile>;
    QThreadPool::globalInstance()->start([path, guard = QPointer<QObject>(receiver), then = std::move(then)] {
        auto work = [&path] { return capture::CaptureFile::open(path.toStdString()); };
        auto outcome = outcomeOf<File>(work);
        QMetaObject::invokeMethod(
            QCoreApplication::instance(),
            [guard, then, outcome = std::move(outcome)] {
                if (guard)
                    then(outcome);
            },
            Qt::QueuedConnection);
    });
}

CaptureFileSource::CaptureFileSource(std::shared_ptr<const capture::CaptureFile> file, const QString& path,
                                     QObject* parent)
    : InspectionSource(parent), file_(std::move(file)), path_(path), courier_(std::make_shared<Courier>(this)) {}

CaptureFileSource::~CaptureFileSource() {
    courier_->close();
    stop_.request_stop();
}

QString CaptureFileSource::name() const {
    return QFileInfo(path_).fileName();
}

template <class T, class Work>
void CaptureFileSource::ask(Work work, Answer<T> answer) {
    QThreadPool::globalInstance()->start([file = file_, courier = courier_, stop = stop_.get_token(),
                                          work = std::move(work), answer = std::move(answer)] {
        if (stop.stop_requested())
            return;
        auto bound = [&] { return work(*file, stop); };
        auto outcome = std::make_shared<client::Outcome<T>>(outcomeOf<T>(bound));
        courier->post([answer, outcome] { answer(std::move(*outcome)); });
    });
}

void CaptureFileSource::tokens(std::size_t first, std::size_t count,
                               Answer<std::vector<capture::CapturedToken>> answer) {
    ask([=](const capture::CaptureFile& file, const std::stop_token&) { return file.tokens(first, count); },
        std::move(answer));
}

void CaptureFileSource::row(capture::HeadRef head, std::size_t position, Answer<capture::AttentionRow> answer) {
    ask([=](const capture::CaptureFile& file, const std::stop_token&) { return file.row(head, position); },
        std::move(answer));
}

void CaptureFileSource::tile(capture::HeadRef head, const capture::TileRequest& request,
                             Answer<capture::AttentionTile> answer) {
    ask([=](const capture::CaptureFile& file,
            const std::stop_token& stop) { return file.tile(head, request, stop); },
        std::move(answer));
}

void CaptureFileSource::thumbnails(int layer, std::size_t side,
                                   Answer<std::vector<capture::AttentionTile>> answer) {
    ask([=](const capture::CaptureFile& file,
            const std::stop_token& stop) { return file.thumbnails(layer, side, stop); },
        std::move(answer));
}

void CaptureFileSource::heads(std::size_t position, Answer<capture::HeadTable> answer) {
    ask([=](const capture::CaptureFile& file, const std::stop_token& stop) { return file.heads(position, stop); },
        std::move(answer));
}

void CaptureFileSource::routing(std::size_t first, std::size_t count, Answer<capture::RoutingSlice> answer) {
    ask([=](const capture::CaptureFile& file, const std::stop_token&) { return file.routing(first, count); },
        std::move(answer));
}

void CaptureFileSource::routingSummary(Answer<capture::RoutingSummary> answer) {
    ask([](const capture::CaptureFile& file, const std::stop_token&) { return file.routingSummary(); },
        std::move(answer));
}

void CaptureFileSource::lens(std::size_t position, Answer<capture::LensView> answer) {
    ask([=](const capture::CaptureFile& file, const std::stop_token&) { return file.lens(position); },
        std::move(answer));
}

void CaptureFileSource::saveAs(const QString& path, Answer<QString> answer) {
    ask(
        [from = path_, path](const capture::CaptureFile&, const std::stop_token&) {
            copyFile(from, path);
            return path;
        },
        std::move(answer));
}

} // namespace fulgurite
